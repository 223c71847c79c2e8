import { expect, it } from 'vitest';
import { TaskCount } from '../../src/lifecycle/tasks.ts';

const tasks = (states: Record<string, string>) =>
  Object.entries(states).map(([id, state]) => ({ id, state }));

it('says nothing of a server without tasks', () => {
  const count = new TaskCount();
  count.suspended([]);
  expect(count.report).toBeUndefined();
});

it('does not know what became of them before the new server has said so', () => {
  const count = new TaskCount();
  const suspended = tasks({ a: 'suspended.safe', b: 'suspended.error' });
  count.suspended(suspended);
  expect(count.report).toEqual({ suspended, kept: null, resumed: null, error: 1 });
});

it('counts those that were kept, go on, and wait for a person', () => {
  const count = new TaskCount();
  count.suspended(tasks({ a: 'suspended.safe', b: 'suspended.safe', lost: 'suspended.safe' }));
  count.restored(tasks({ a: 'running', b: 'suspended.error', new: 'pending' }));
  expect(count.report).toMatchObject({ kept: 2, resumed: 2, error: 1 });
});

it('knows after a crash what the new server says, of tasks that nobody suspended', () => {
  const count = new TaskCount();
  count.restored(tasks({ a: 'running', b: 'suspended.error' }));
  expect(count.report).toEqual({ suspended: [], kept: 2, resumed: 1, error: 1 });
});
