/**
 * Segue as a library: put a supervisor into a program of your own.
 *
 * @example
 * const supervisor = createSupervisor({ config: configSchema.parse({ command: ['node', 'server.js'] }) });
 * supervisor.start();
 * const session = supervisor.connect(port); // lines of the client: session.fromClient(line)
 * await supervisor.control.restart(restartInput.parse({}), { id: 'me', role: 'operator' });
 * await supervisor.shutdown('done');
 */
export { type Config, type ConfigInput, configSchema } from './config.ts';
export * from './control/schemas.ts';
export type { Control, InstanceInfo, Principal, RestartOptions } from './control/types.ts';
export { type Env, systemEnv } from './env.ts';
export { type ErrorCode, SegueError } from './errors.ts';
export type { Hook, HookContext, Hooks } from './lifecycle/hooks.ts';
export { createLog, type Log } from './observe/log.ts';
export type { ClientPort, Session } from './session/session.ts';
export { createSupervisor, type Supervisor, type SupervisorOptions } from './supervisor.ts';
