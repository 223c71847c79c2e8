/** Progress of a waiting restart for the caller that gave a token. */
import { notificationLine } from '../wire/message.ts';
import type { StatusReport } from './schemas.ts';

export function progressLine(token: string | number, status: StatusReport['current_status']): Buffer {
  const { progress, phase, message } = status;
  return notificationLine('notifications/progress', {
    progressToken: token,
    progress,
    total: 100,
    message: phase === null ? message : `${phase}: ${message}`,
  });
}

/** Progress must rise (protocol.md): a retry, which falls back, is not told. */
export function rising(
  onProgress: (status: StatusReport['current_status']) => void,
): (status: StatusReport['current_status']) => void {
  let highest = -1;
  return (status) => {
    if (status.progress <= highest) return;
    highest = status.progress;
    onProgress(status);
  };
}
