/**
 * One run of a recipe: the operator's argv without a shell, in a group of its own, its input as JSON on stdin, what it
 * prints is its result (F58). It is marked, so that whoever takes over finds it even if its pid was never recorded.
 */
import type { WorkerExit } from '../../machines/types.ts';
import type { Config } from '../config.ts';
import type { Env } from '../env.ts';
import { SUPERVISOR_MARK } from '../state/mark.ts';
import { MARKER, passedOn } from '../worker/environment.ts';
import { spawnWorker } from '../worker/process.ts';
import type { StopPlan } from '../worker/stop.ts';
import type { JsonValue } from './content.ts';
import { LIMITS } from './schemas.ts';

/** In the environment of a recipe's command: the id of its run. */
export const RECIPE_MARK = 'SEGUE_RECIPE';

export type Recipe = Config['orchestrator']['recipes'][string];

const STDERR_BYTES = 16 * 1024;
/** After SIGTERM, before SIGKILL, for one that took too long or said too much. */
const TERM_MS = 2_000;

export interface RecipeRun {
  readonly pid: number;
  readonly startTime: string;
  /** The command begins to read here: to be called when its process was recorded. */
  feed(input: JsonValue): void;
  /** Ends its group; `ended` follows. */
  stop(plan: StopPlan): void;
  readonly ended: Promise<RecipeEnd>;
}

export interface RecipeEnd {
  exit: WorkerExit;
  stderrTail: string;
  /** What it printed: JSON where it is JSON, else the text. */
  result: JsonValue;
  /** Why it did not succeed. */
  failure: string | null;
  /** It was ended by `stop`: how far it came is unknown. */
  cutOff: boolean;
}

/** Whose it is, as its orchestrator bears it: found by them where no row tells of it any more (F45). */
function marksOf(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const marks = [MARKER, SUPERVISOR_MARK].map((name) => [name, environment[name]] as const);
  return Object.fromEntries(marks.filter((mark): mark is [string, string] => mark[1] !== undefined));
}

/** @throws SegueError PROCESS_FAILED: it did not begin */
export async function startRecipe(
  env: Env,
  run: {
    id: string;
    attempt: number;
    recipe: Recipe;
    cwd: string;
    environment: Readonly<Record<string, string | undefined>>;
  },
): Promise<RecipeRun> {
  const { recipe } = run;
  const [file, ...args] = recipe.command;
  const child = await spawnWorker(env, {
    command: { file: file!, args, cwd: recipe.cwd ?? run.cwd },
    generation: run.attempt,
    environment: {
      ...passedOn(recipe.env, run.environment),
      ...marksOf(run.environment),
      [RECIPE_MARK]: run.id,
    },
    stderrBytes: STDERR_BYTES,
  });
  // The first cause wins: one that is being ended because it hangs has failed, whatever comes then.
  let cause: { stopped: boolean; why: string } | null = null;
  const cut = (why: string) => {
    if (cause !== null) return;
    cause = { stopped: false, why };
    void child.stop({ soft: true, stdinEndMs: 0, termMs: TERM_MS });
  };
  const cancel = env.timer(recipe.timeoutMs, () => cut(`it took longer than ${recipe.timeoutMs} ms`));
  const chunks: Buffer[] = [];
  let size = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= LIMITS.jsonChars) chunks.push(chunk);
    else cut(`it printed more than ${LIMITS.jsonChars} bytes`);
  });
  const ended = child.exited.then((exit): RecipeEnd => {
    cancel();
    const stderrTail = child.stderrTail();
    const text = Buffer.concat(chunks).toString();
    return {
      ...{ exit, stderrTail, result: parsed(text) },
      failure: (exit.own ? null : cause?.why) ?? failureOf(exit, stderrTail),
      cutOff: !exit.own && cause?.stopped === true,
    };
  });
  return {
    pid: child.pid,
    startTime: child.startTime,
    feed: (input) => void child.stdin.end(`${JSON.stringify(input)}\n`),
    stop(plan) {
      cause ??= { stopped: true, why: 'its command was ended' };
      void child.stop(plan);
    },
    ended,
  };
}

/** Deeper JSON could be written down, and never be read again. */
const DEEPEST = 200;

function parsed(text: string): JsonValue {
  try {
    return depthOf(text) > DEEPEST ? text.trim() : JSON.parse(text);
  } catch {
    return text.trim(); // a recipe may just print
  }
}

/** Of the nesting of a JSON text; without recursion. */
function depthOf(text: string): number {
  let [depth, deepest] = [0, 0];
  for (const [mark] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/gs)) {
    if (mark === '[' || mark === '{') deepest = Math.max(deepest, ++depth);
    else if (mark === ']' || mark === '}') depth -= 1;
  }
  return deepest;
}

function failureOf({ code, signal }: WorkerExit, stderrTail: string): string | null {
  if (code === 0) return null;
  const last = stderrTail.trim().slice(-2_000);
  return `its command ended ${signal === null ? `with code ${code}` : `by ${signal}`}${last ? `: ${last}` : ''}`;
}
