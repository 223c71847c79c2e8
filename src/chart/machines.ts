/** The three statecharts, by the names that the command line has for them. */
import type { AnyStateMachine } from 'xstate';
import { fleetMachine } from '../../machines/fleet.ts';
import { rebootMachine } from '../../machines/reboot.ts';
import { taskMachine } from '../../machines/task.ts';
import type { ChartName } from './layout.ts';

export const MACHINES: Record<ChartName, AnyStateMachine> = {
  reboot: rebootMachine,
  task: taskMachine,
  fleet: fleetMachine,
};
