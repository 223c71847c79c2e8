import { worker } from '../support/launch.ts';
import { type Running, startSegue } from '../support/segue.ts';

/** An instance called `name` that the commands find: its admin socket is open. */
export async function running(home: string, name = 'demo'): Promise<Running> {
  const args = ['--name', name, '--log-level', 'debug'];
  const instance = startSegue({ home, args, command: worker('echo') });
  await instance.client.initialize();
  await instance.logged(/admin socket is open/);
  return instance;
}
