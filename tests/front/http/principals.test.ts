/** Two principals of one service, who guess each other's ids: nothing of one reaches the other (F54, F56). */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import type { ConfigInput } from '../../../src/config.ts';
import { HttpPeer, type Service, startService } from '../../support/http.ts';
import { worker } from '../../support/launch.ts';
import { shows } from '../../support/shows.ts';

const TOKENS = ['token-of-ada', 'token-of-bob'] as const;
const SECRETS = ['secret-of-ada', 'secret-of-bob'] as const;
const config: ConfigInput = {
  http: {
    tokens: ['ada', 'bob'].map((name, index) => ({
      name,
      role: 'client' as const,
      sha256: createHash('sha256').update(TOKENS[index]!).digest('hex'),
    })),
    limits: { requestsPerMinute: 1_000_000 },
  },
};

type Who = 0 | 1;
const other = (who: Who): Who => (who === 0 ? 1 : 0);

type Act =
  | { do: 'call'; who: Who; modern: boolean; n: number }
  | { do: 'use session' | 'listen there' | 'end session'; who: Who }
  | { do: 'follow stream'; who: Who; pick: number }
  | { do: 'cancel' | 'answer'; who: Who; id: number };

const who = fc.constantFrom<Who>(0, 1);
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('call' as const),
      who,
      modern: fc.boolean(),
      n: fc.integer({ min: 1, max: 4 }),
    }),
  },
  fc.record({
    do: fc.constantFrom('use session' as const, 'listen there' as const, 'end session' as const),
    who,
  }),
  fc.record({ do: fc.constant('follow stream' as const), who, pick: fc.nat(50) }),
  fc.record({
    do: fc.constantFrom('cancel' as const, 'answer' as const),
    who,
    id: fc.integer({ min: 0, max: 60 }),
  }),
);

/** Each has a session, and calls under ids that the other uses as well. */
class Pair {
  readonly peers: readonly [HttpPeer, HttpPeer];
  readonly #events: string[][] = [[], []];
  readonly #ids = [0, 0];

  constructor(url: string) {
    this.peers = [new HttpPeer(url, { token: TOKENS[0] }), new HttpPeer(url, { token: TOKENS[1] })];
  }

  async open(): Promise<void> {
    await Promise.all(this.peers.map((peer) => peer.open()));
  }

  async act(step: Act): Promise<void> {
    const mine = this.peers[step.who];
    const theirs = this.peers[other(step.who)];
    const thief = new HttpPeer(mine.url, { token: TOKENS[step.who] });
    [thief.session, thief.version] = [theirs.session, theirs.version];
    switch (step.do) {
      case 'call':
        return this.#call(step.who, step.modern, step.n);
      case 'use session':
        expect((await thief.post({ id: 1, method: 'tools/list' })).status).toBe(404);
        break;
      case 'listen there':
        expect((await thief.get()).status).toBe(404);
        break;
      case 'end session':
        expect((await thief.delete()).status).toBe(404);
        break;
      case 'follow stream': {
        const ids = this.#events[other(step.who)]!;
        const id = ids[step.pick % Math.max(ids.length, 1)] ?? 'guess-1';
        expect([204, 400]).toContain((await mine.get(id)).status);
        expect((await thief.get(id)).status).toBe(404);
        break;
      }
      case 'cancel': // what the other has in flight under this id; of one's own there is none so high
        await mine.post({ method: 'notifications/cancelled', params: { requestId: 1000 + step.id } });
        await mine.post({
          method: 'notifications/cancelled',
          params: { requestId: `${other(step.who)}-${step.id}` },
        });
        break;
      case 'answer':
        await mine.post({ id: step.id, result: { secret: SECRETS[step.who] } });
        break;
    }
    this.peers[step.who].heard.push(...thief.heard); // the thief is the same principal
  }

  async #call(who: Who, modern: boolean, n: number): Promise<void> {
    const id = ++this.#ids[who]!;
    const params = { name: 'tell', arguments: { secret: SECRETS[who], n }, _meta: { progressToken: 'p' } };
    const alone = modern ? new HttpPeer(this.peers[who].url, { token: TOKENS[who] }) : null;
    const call = alone
      ? await alone.modern(id, 'tools/call', params)
      : await this.peers[who].post({
          id,
          method: 'tools/call',
          params: { ...params, _meta: { progressToken: `p${id}` } },
        });
    expect(await call.answer(id)).toMatchObject({ result: { content: [{ text: SECRETS[who] }] } });
    this.#events[who]!.push(...call.events.all.flatMap(({ id: event }) => event ?? []));
    if (alone) this.peers[who].heard.push(...alone.heard);
  }
}

describe.each(['session', 'shared'] as const)('isolation %s', (isolation) => {
  shows(
    'F54 F56 F26',
    'whatever ids they guess, each gets its own answers and never a word of the other’s',
    async () => {
      const service: Service = await startService({
        config,
        args: ['--isolation', isolation],
        command: worker('crowd'),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(act, { minLength: 10, maxLength: 40 }), async (steps) => {
          const pair = new Pair(service.url);
          await pair.open();
          await Promise.all(steps.map((step) => pair.act(step)));
          for (const index of [0, 1] as const) {
            const heard = pair.peers[index].heard.join('');
            expect(heard).not.toContain(SECRETS[other(index)]);
          }
          await Promise.all(pair.peers.map((peer) => peer.delete()));
        }),
        { numRuns: 12 },
      );
    },
  );
});

shows('F55', 'a session that outlived the service asks its client again who it is', async () => {
  const service = await startService({ config, command: worker('crowd') });
  const ada = new HttpPeer(service.url, { token: TOKENS[0] });
  await ada.open();
  service.kill('SIGKILL');
  await service.exited;
  await startService({ home: service.home, config, port: service.port, command: worker('crowd') });
  const nobody = new HttpPeer(service.url);
  const bob = new HttpPeer(service.url, { token: TOKENS[1] });
  for (const peer of [nobody, bob]) [peer.session, peer.version] = [ada.session, ada.version];
  expect((await nobody.post({ id: 1, method: 'tools/list' })).status).toBe(401);
  expect((await bob.post({ id: 1, method: 'tools/list' })).status).toBe(404);
  expect((await ada.post({ id: 1, method: 'tools/list' })).status).toBe(200);
});
