/**
 * The entry of `segue`. What stands behind the first `--` is a command and belongs to nobody else; what stands before
 * it is ours. Everything is loaded when it is needed: a client waits for the start of its server.
 */
import { cacheCompiled } from './compile-cache.ts';
import { systemTerminal, type Terminal } from './terminal.ts';

const terminal = systemTerminal();
cacheCompiled(terminal.environment);
const argv = process.argv.slice(2);
const separator = argv.indexOf('--');
const own = separator < 0 ? argv : argv.slice(0, separator);
const command = separator < 0 || separator === argv.length - 1 ? undefined : argv.slice(separator + 1);

// No process.exit here: what was printed into a pipe may not be written yet.
process.exitCode = await main(terminal).catch(async (error: unknown) => {
  const { complain } = await import('./complain.ts');
  return complain(terminal, error);
});

async function main(terminal: Terminal): Promise<number> {
  if (own.length === 0 && command !== undefined) {
    const { run } = await import('./run.ts');
    return run(terminal, {}, command);
  }
  const { createProgram } = await import('./program.ts');
  let exitCode = 0;
  const done = (code: number) => {
    exitCode = code;
  };
  const program = createProgram({ terminal, command, done });
  await program.parseAsync(own, { from: 'user' });
  return exitCode;
}
