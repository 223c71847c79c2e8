/**
 * Asks a quiet worker inside its session whether it still answers (F14). A worker that has spoken lately is not asked;
 * one with calls in flight may be busy and is asked only after a long silence.
 */
import type { Env } from '../env.ts';
import { SegueError } from '../errors.ts';
import type { Channel, WorkerLink } from './channel.ts';

export interface ProbeTarget {
  link: WorkerLink;
  /** The question; null while nothing may be asked (the conversation is not open, or the gate is closed). */
  question(): { channel: Channel; method: string; params: string | undefined } | null;
  inFlight(): number;
}

export interface ProbeTiming {
  probeEveryMs: number;
  probeMs: number;
  probeBusyMs: number;
}

/** Milliseconds until the answer; null when nothing may be asked. Rejects TIMEOUT_EXCEEDED when none comes. */
export async function probe(env: Env, target: ProbeTarget, timeoutMs: number): Promise<number | null> {
  const question = target.question();
  if (!question) return null;
  const start = env.monotonic();
  try {
    await question.channel.request(question.method, question.params, timeoutMs);
  } catch (error) {
    // An error is an answer too: who refuses a ping is alive.
    if (!(error instanceof SegueError) || error.data.answered !== true) throw error;
  }
  return env.monotonic() - start;
}

/** Probes until its returned end is called. `onProbed` gets the milliseconds, null for no answer; `onHung` is called once. */
export function startProbe(
  env: Env,
  target: ProbeTarget,
  timing: ProbeTiming,
  { onProbed, onHung }: { onProbed(ms: number | null): void; onHung(message: string): void },
): () => void {
  let ended = false;
  let cancelTimer = () => {};
  const schedule = () => {
    if (!ended) cancelTimer = env.timer(timing.probeEveryMs, () => void round(), { unref: true });
  };
  const round = async () => {
    const silence = env.monotonic() - target.link.lastHeardAt;
    const patience = target.inFlight() > 0 ? timing.probeBusyMs : timing.probeEveryMs;
    if (silence >= patience && !target.link.fenced && !target.link.paused) {
      try {
        const ms = await probe(env, target, timing.probeMs);
        if (ms !== null) onProbed(ms);
      } catch {
        onProbed(null);
        if (!ended && !target.link.fenced)
          onHung(`the server has not answered a probe for ${timing.probeMs} ms`);
        return;
      }
    }
    schedule();
  };
  schedule();
  return () => {
    ended = true;
    cancelTimer();
  };
}
