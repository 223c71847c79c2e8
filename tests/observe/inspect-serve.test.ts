/** `segue serve --inspect`: a real service with two workers, seen by the receiver of @statelyai/inspect. */
import { createWebSocketReceiver, type StatelyInspectionEvent } from '@statelyai/inspect';
import { expect, it } from 'vitest';
import { segue } from '../cli/cli.ts';
import { HttpPeer, startService } from '../support/http.ts';
import { worker } from '../support/launch.ts';
import { Journal } from '../support/wait.ts';

function viewer(url: string): Journal<StatelyInspectionEvent> {
  const journal = new Journal<StatelyInspectionEvent>();
  createWebSocketReceiver({ server: url }).subscribe((event) => journal.add(event));
  return journal;
}

const rootOf = (id: string) => (event: StatelyInspectionEvent) =>
  event.type === '@xstate.actor' &&
  event.parentId === undefined &&
  JSON.parse(event.definition ?? '{}').id === id;
const eventOf = (sessionId: string, type: string) => (event: StatelyInspectionEvent) =>
  event.type === '@xstate.event' && event.sessionId === sessionId && event.event.type === type;
const stateOf = (sessionId: string, state: string) => (event: StatelyInspectionEvent) =>
  event.type === '@xstate.snapshot' &&
  event.sessionId === sessionId &&
  JSON.stringify((event.snapshot as { value?: unknown }).value).includes(state);

it('shows all workers and the fleet through a whole reboot, to a late viewer as well, without secrets', async () => {
  const args = ['--name', 'seen', '--isolation', 'session', '--inspect'];
  const command = [...worker('echo'), '--token=private-argument'];
  const service = await startService({ command, args });
  const { url } = JSON.parse(await service.logged(/"msg":"inspector"/)) as { url: string };
  const early = viewer(url);
  for (const peer of [new HttpPeer(service.url), new HttpPeer(service.url)]) {
    await peer.open();
    await peer.call('whoami');
  }
  const workers = [await early.next(rootOf('reboot')), await early.next(rootOf('reboot'))];
  const ids = workers.map(({ sessionId }) => sessionId);
  expect(new Set(ids).size).toBe(2);

  expect((await segue(service.home, ['reboot', 'seen'])).code).toBe(0);
  await early.next(rootOf('fleet'));
  for (const id of ids) {
    await early.next(eventOf(id, 'reboot.request'));
    for (const state of ['"serialize"', '"close"', '"spawn"', '"reconnect"', '"idle"'])
      await early.next(stateOf(id, state));
  }

  const late = viewer(url);
  const told = [await late.next(rootOf('reboot')), await late.next(rootOf('reboot'))];
  expect(told.map(({ sessionId }) => sessionId)).toEqual(ids);
  for (const id of ids) await late.next(stateOf(id, '"idle"'));
  expect(late.all.some(rootOf('fleet'))).toBe(false); // that reboot is over

  const seen = JSON.stringify([...early.all, ...late.all]);
  expect(seen.includes('"args":["[hidden]"')).toBe(true);
  expect(seen.includes('private-argument')).toBe(false);
});
