/** Clients that do all sorts of things at once while their one worker is rebooted and killed: nothing goes astray (F56). */
import { expect } from 'vitest';
import type { EmbeddedClient } from '../lifecycle/embedded.ts';
import { type Message, textOf } from '../support/raw-client.ts';
import { restart } from '../support/restarts.ts';
import { shows } from '../support/shows.ts';
import { arrives, type Crowd, crowd, many } from './crowd.ts';

/** A small generator of its own, so that a failure can be had again by its seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

interface Visit {
  client: EmbeddedClient;
  secret: string;
  /** Ids of each visit begin at 1 again, to collide. */
  ids: number;
}

/** Each visit has a secret; some end with calls in flight, and another client takes the place. */
async function lane(stand: Crowd, index: number, seed: number, stopped: () => boolean): Promise<Visit[]> {
  const random = randomOf(seed * 100 + index);
  const visits: Visit[] = [];
  const done = () => stopped() && visits.length > 1;
  while (!done()) {
    const visit = {
      client: await stand.enter(),
      secret: `secret-${index}-${visits.length}-of-a-visit`,
      ids: 0,
    };
    visits.push(visit);
    // From here on the tools are known: a call of `tell` that a kill hits is safe to repeat.
    await visit.client.call('orchestrator_restart_status');
    for (let left = 20 + random(20); left > 0 && !done(); left--) await act(visit, random);
    if (done()) break;
    void visit.client.call('tell', { secret: visit.secret, n: 4 }, { progressToken: 'last' });
    visit.client.leave();
  }
  return visits;
}

async function act(visit: Visit, random: (below: number) => number): Promise<void> {
  const { client, secret } = visit;
  const id = `id ${++visit.ids}`;
  const tell = () =>
    client.request(
      'tools/call',
      { name: 'tell', arguments: { secret, n: 1 + random(5) }, _meta: { progressToken: id } },
      id,
    );
  switch (random(6)) {
    case 0: {
      const answers = await Promise.all([tell(), client.call('fail', { secret })]);
      expect(textOf(answers[0])).toBe(secret);
      return expect(answers[1].error?.message).toBe(secret);
    }
    case 1: {
      const cancelled = tell();
      cancelled.catch(() => {});
      client.notify('notifications/cancelled', { requestId: id });
      return;
    }
    case 2:
      return void (await client.request('resources/subscribe', { uri: `test://${random(3)}` }));
    case 3:
      return void (await client.request('resources/unsubscribe', { uri: `test://${random(3)}` }));
    case 4:
      return void (await client.call('touch', { uri: `test://${random(3)}` }));
    default: {
      const { result } = await client.request('prompts/list', { _meta: { secret } });
      return expect(result!.prompts).toEqual([{ name: `${secret} 1` }]);
    }
  }
}

/** What a visit has got beside the answers to its own questions and what was told to all. */
function foreign({ client, secret }: Visit, all: readonly Visit[]): Message[] {
  const others = all.filter((other) => other.secret !== secret).map((other) => other.secret);
  return client.messages.filter((message) => {
    const text = JSON.stringify(message);
    return others.some((other) => text.includes(other));
  });
}

for (const seed of [1, 2, 3])
  shows(
    'F56 F26 F2',
    `over reboots and kills no client hears of another (seed ${seed})`,
    async () => {
      const stand = await crowd({ timing: { crashLimit: 100 }, limits: { restartsPerMinute: 1000 } });
      const operator = await stand.enter();
      let over = false;
      const lanes = many(6, (index) => lane(stand, index, seed, () => over));
      for (const how of ['reboot', 'kill', 'reboot', 'kill', 'reboot']) {
        const { pid } = await stand.stage.player();
        // Under way: this worker has been asked by all of them.
        for (let n = 0; n < 20; n++) expect(textOf(await operator.call('tell', { secret: 'on' }))).toBe('on');
        if (how === 'reboot') expect(await restart(operator)).toMatchObject({ success: true });
        else {
          const again = arrives(stand.supervisor, 'alive.idle');
          process.kill(pid, 'SIGKILL');
          await again;
        }
      }
      over = true;
      const visits = (await Promise.all(lanes)).flat();
      expect(visits.length).toBeGreaterThanOrEqual(12);
      for (const visit of visits) expect(foreign(visit, visits)).toEqual([]);
      const staying = visits.filter(({ client }) => !client.left);
      for (const { client } of [...staying, { client: operator }]) client.expectOneAnswerEach();
      expect(stand.supervisor.control.info().sessions).toHaveLength(staying.length + 1);
    },
    120_000,
  );
