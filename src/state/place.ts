/** Which server is meant, and where what is known of it is kept. */
import type { Command } from '../../machines/types.ts';
import type { Config } from '../config.ts';
import { SegueError } from '../errors.ts';
import { EMBEDDED_NAME, embeddedCommand } from '../orchestrator/embedded.ts';
import { type Environment, instanceName, stateDirectory } from './directory.ts';

export interface Place {
  name: string;
  argv: string[];
  command: Command;
  directory: string;
}

/** @throws SegueError INVALID_PARAMETERS for a name that is none, or tasks that could not be kept */
export function placeOf(
  config: Pick<Config, 'command' | 'cwd' | 'name' | 'persist'>,
  environment: Environment,
): Place {
  if (config.command === undefined && !config.persist)
    throw new SegueError(
      'INVALID_PARAMETERS',
      'the task orchestrator keeps its tasks on disk: persist is needed',
    );
  const argv = config.command ?? embeddedCommand();
  const [file, ...args] = argv;
  const command = { file: file!, args, cwd: config.cwd ?? process.cwd() };
  const name = instanceName(argv, command.cwd, config.name ?? (config.command ? undefined : EMBEDDED_NAME));
  return { name, argv, command, directory: stateDirectory(name, environment) };
}
