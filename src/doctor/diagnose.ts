/** All checks of `segue doctor`, in the order in which a person would look. */
import { type Examine, type Finding, failure, messageOf, type Surroundings } from './check.ts';
import { databases, instances, orphans } from './leftovers.ts';
import { clock, disk, node } from './machine.ts';
import { type ConfigSource, key, readConfig, runtimeDirectory, stateDirectories } from './places.ts';
import { port } from './port.ts';
import { server } from './server.ts';

const AREAS: readonly (readonly [string, Examine])[] = [
  ['node', node],
  ['disk', disk],
  ['state directory', stateDirectories],
  ['runtime directory', runtimeDirectory],
  ['key', key],
  ['database', databases],
  ['instances', instances],
  ['orphans', orphans],
  ['port', port],
  ['command', server],
];

/** Never rejects for what is wrong with the machine: a check that fails itself is a failure. */
export async function diagnose(surroundings: Surroundings, source: ConfigSource): Promise<Finding[]> {
  const lookAgain = clock(surroundings);
  const { config, findings } = readConfig(surroundings, source);
  for (const [name, examine] of AREAS) {
    try {
      findings.push(...(await examine(surroundings, config)));
    } catch (error) {
      findings.push(failure(name, `this check itself failed: ${messageOf(error)}`, 'tell its authors'));
    }
  }
  return [...findings, lookAgain()];
}
