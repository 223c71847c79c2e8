import type { Config } from '../config.ts';
import { SegueError } from '../errors.ts';

/** Whether a text is the address of an HTTP server on this machine: the only kind that a worker may be reached at. */
export function isLoopbackUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url?.protocol !== 'http:' || url.username !== '' || url.password !== '') return false;
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(\.\d+){3}$/.test(url.hostname);
}

/** @throws SegueError INVALID_PARAMETERS where an upstream does not go together with the other settings */
export function checkUpstream({ upstream, command, handover, spare }: Config): void {
  if (upstream === undefined) return;
  if (command === undefined) throw invalid('upstream needs a command that starts the server there');
  if (handover === 'overlap')
    throw invalid('two servers cannot listen at one upstream: handover must be exclusive');
  if (spare) throw invalid('two servers cannot listen at one upstream: there can be no spare');
}

function invalid(text: string): SegueError {
  return new SegueError('INVALID_PARAMETERS', text);
}
