/**
 * The task orchestrator as a worker (design.md, "The embedded worker"): what Segue runs when no command is given. It is a
 * process like any other worker; what it needs to know comes in its environment, which no command line shows, and from
 * which nothing that begins with SEGUE_ reaches a recipe.
 */
import { fileURLToPath } from 'node:url';
import type { Command } from '../../machines/types.ts';
import type { Config } from '../config.ts';
import { ownModule } from '../package-files.ts';
import { keySource } from '../serializer/key.ts';
import { type Environment, stateDirectory } from '../state/directory.ts';
import type { Handover } from './handover.ts';

/** Of the instance, unless the operator names it. */
export const EMBEDDED_NAME = 'orchestrator';
/** Holds a Handover as JSON. */
export const HANDOVER_VARIABLE = 'SEGUE_ORCHESTRATOR';

/** argv: this package's own program, run by the Node that runs us, from its sources as from the package. */
export function embeddedCommand(): string[] {
  return [process.execPath, fileURLToPath(ownModule('src/orchestrator/main'))];
}

/** A new command that `segue reboot` brought in gets nothing of ours, the key least of all. */
export function isEmbedded({ file, args }: Command): boolean {
  const [node, main] = embeddedCommand();
  return file === node && args.length === 1 && args[0] === main;
}

/** What is added to the environment of the embedded worker. */
export function embeddedEnvironment(
  { orchestrator: settings, logLevel }: Pick<Config, 'orchestrator' | 'logLevel'>,
  name: string,
  environment: Environment,
): Record<string, string> {
  const { secret, file: keyFile } = keySource(environment);
  const handover: Handover = {
    directory: stateDirectory(name, environment),
    ...{ keyFile, logLevel, settings },
  };
  return {
    [HANDOVER_VARIABLE]: JSON.stringify(handover),
    ...(secret === undefined ? {} : { SEGUE_KEY: secret }),
  };
}
