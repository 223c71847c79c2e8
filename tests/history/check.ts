/**
 * Judges a history by the four invariants: every request has exactly one answer (or none, if its client cancelled or
 * left); no answer from an old generation; no unsafe call executed twice; no state loss that is not said. Pure.
 */
import type { Answer, Execution, History, Operation } from './history.ts';

export type Invariant = 'one answer' | 'no old generation' | 'nothing twice' | 'no silent loss';

export interface Violation {
  invariant: Invariant;
  call: string | null;
  what: string;
}

export function check(history: History): Violation[] {
  const answers = Map.groupBy(history.answers, ({ call }) => call);
  const executions = Map.groupBy(history.executions, ({ call }) => call);
  const found: Violation[] = [];
  for (const operation of history.operations.values()) {
    const { call } = operation;
    found.push(
      ...answered(history, operation, answers.get(call) ?? []),
      ...executed(operation, answers.get(call) ?? [], executions.get(call) ?? []),
    );
  }
  found.push(
    ...strays(history),
    ...progress(history),
    ...updates(history),
    ...generations(history),
    ...order(history),
  );
  return [...found, ...losses(history)];
}

/** The first invariant, for one request. */
function answered(history: History, operation: Operation, answers: readonly Answer[]): Violation[] {
  const say = (what: string): Violation => ({ invariant: 'one answer', call: operation.call, what });
  const found: Violation[] = [];
  if (answers.length > 1) found.push(say(`${answers.length} answers`));
  const left = history.clients.get(operation.client)?.left;
  if (operation.outcome === undefined) {
    if (left === undefined) found.push(say('no answer'));
    return found;
  }
  const wantsAnswer = operation.outcome === 'ok' || operation.outcome === 'error';
  if (wantsAnswer && answers.length === 0) found.push(say(`${operation.outcome} without an answer`));
  for (const { said } of answers)
    if (said && said.call !== operation.call) found.push(say(`the answer of ${said.call}`));
  return found;
}

/** The third invariant, and that an outcome means what it says. */
function executed(
  { call, repeats, outcome }: Operation,
  answers: readonly Answer[],
  executions: readonly Execution[],
): Violation[] {
  const times = executions.length;
  const found: Violation[] = [];
  const say = (invariant: Invariant, what: string) => found.push({ invariant, call, what });
  if (times > 1 + repeats)
    say('nothing twice', `executed ${times} times${repeats === 0 ? ', not safe to repeat' : ''}`);
  if (outcome === 'ok' && times === 0) say('no silent loss', 'ok, but never executed');
  if (outcome === 'refused' && repeats === 0 && times > 0)
    say('nothing twice', 'refused as if not sent, but executed');
  for (const { said } of answers)
    if (said?.call === call && times > 0 && !executions.some(({ pid }) => pid === said.pid))
      say('no old generation', `answered by ${said.pid}, which did not execute it`);
  return found;
}

function strays(history: History): Violation[] {
  const answers = history.answers
    .filter(({ call }) => call === null || !history.operations.has(call))
    .map(({ call, client }) => ({ call, what: `${client} has an answer to nothing that it asked` }));
  const executions = history.executions
    .filter(({ call }) => !history.operations.has(call))
    .map(({ call }) => ({ call, what: 'executed, but nobody asked for it' }));
  return [...answers, ...executions].map((stray) => ({ invariant: 'one answer', ...stray }));
}

/** It grows, and ends with the answer. */
function progress(history: History): Violation[] {
  const found: Violation[] = [];
  const say = (call: string | null, what: string) => found.push({ invariant: 'one answer', call, what });
  const answeredAt = new Map(history.answers.map(({ call, at }) => [call, at]));
  const last = new Map<string, number>();
  for (const { call, at, value } of history.progress) {
    if (call === null || !history.operations.has(call)) {
      say(call, 'progress of nothing that was asked');
      continue;
    }
    const before = last.get(call);
    if (before !== undefined && value <= before) say(call, `progress falls: ${before}, then ${value}`);
    if (at > (answeredAt.get(call) ?? Number.POSITIVE_INFINITY)) say(call, 'progress behind the answer');
    last.set(call, value);
  }
  return found;
}

/** Each comes once, to the client whose call it is of; none is left out of a stream that has brought a later one. */
function updates(history: History): Violation[] {
  const found: Violation[] = [];
  const say = (invariant: Invariant, call: string, what: string) => found.push({ invariant, call, what });
  const executed = new Map(history.executions.map(({ call }, index) => [call, index]));
  const heard = new Set<string>();
  for (const { call, client } of history.updates) {
    const of = history.operations.get(call)?.client;
    if (of !== client) say('one answer', call, `${client} is told of an update of ${of}`);
    if (heard.has(call)) say('nothing twice', call, 'an update came twice');
    heard.add(call);
  }
  const byClient = Map.groupBy(history.updates, ({ client }) => client);
  for (const { call, client, tool, start, end = 0, outcome } of history.operations.values()) {
    if (tool !== 'touch' || outcome !== 'ok' || heard.has(call)) continue;
    const stood = history.standing.find(
      (each) => each.client === client && each.from <= start && end <= each.to,
    );
    const later = byClient
      .get(client)
      ?.some((each) => executed.get(each.call)! > executed.get(call)! && each.at <= (stood?.to ?? 0));
    if (stood && later) say('no silent loss', call, 'its update never came');
  }
  return found;
}

/**
 * The second invariant: what a client asked when it had already heard from a newer server is not answered by an older
 * one. Answers on streams of their own may overtake each other; on one stream the order of arrival counts.
 */
function generations(history: History): Violation[] {
  const found: Violation[] = [];
  const rank = ranks(history);
  for (const [client, all] of Map.groupBy(history.answers, (answer) => answer.client)) {
    const ordered = history.clients.get(client)?.ordered === true;
    /** The newest server that had answered, by the time of its answer. */
    const newest: { at: number; rank: number }[] = [];
    for (const { call, at, said } of all.toSorted((a, b) => a.at - b.at)) {
      if (!said) continue;
      const own = rank.get(said.pid);
      const asked = call === null ? undefined : history.operations.get(call);
      const since = ordered ? at : (asked?.start ?? at);
      const heard = newest.findLast((entry) => (ordered ? entry.at <= since : entry.at < since));
      if (own === undefined) found.push(old(call, `answered by ${said.pid}, which nobody started`));
      else if (heard && own < heard.rank)
        found.push(old(call, 'answered by an older server than one before'));
      if (own !== undefined && own > (newest.at(-1)?.rank ?? -1)) newest.push({ at, rank: own });
    }
  }
  return found;
}

/** No older server works for a client once a newer one has: never two that get one session's messages. */
function order(history: History): Violation[] {
  const found: Violation[] = [];
  const rank = ranks(history);
  const newest = new Map<string, number>();
  for (const { call, pid } of history.executions) {
    const client = history.operations.get(call)?.client;
    const own = rank.get(pid);
    if (client === undefined || own === undefined) continue;
    const before = newest.get(client) ?? -1;
    if (own < before) found.push(old(call, 'executed by an older server than one before'));
    newest.set(client, Math.max(before, own));
  }
  return found;
}

/**
 * The fourth invariant: a counter of one client goes on with one more for each execution, unless a server has begun
 * meanwhile of which the client was told that it lacks state.
 */
function losses(history: History): Violation[] {
  const found: Violation[] = [];
  const values = new Map(history.answers.flatMap(({ call, said }) => (said ? [[call, said.value]] : [])));
  const said = new Set(history.losses.map(({ client, pid }) => `${client} ${pid}`));
  const counters = new Map<string, { pid: number; value: number; known: boolean }>();
  for (const { call, pid } of history.executions) {
    const operation = history.operations.get(call);
    if (operation?.tool !== 'add') continue;
    const counter = counters.get(operation.client) ?? { pid, value: 0, known: true };
    if (counter.pid !== pid && lossBetween(history, said, operation.client, counter.pid, pid))
      counter.known = false;
    const value = values.get(call);
    const expected = counter.value + 1;
    if (value !== undefined && counter.known && value !== expected)
      found.push({ invariant: 'no silent loss', call, what: `the count is ${value}, not ${expected}` });
    counters.set(operation.client, {
      pid,
      value: value ?? expected,
      known: counter.known || value !== undefined,
    });
  }
  return found;
}

/** Servers that came between two of which a client has an answer may have lost the state, too. */
function lossBetween(history: History, said: Set<string>, client: string, from: number, to: number): boolean {
  const { starts } = history;
  const between = starts.slice(starts.indexOf(from) + 1, starts.indexOf(to) + 1);
  return between.some((pid) => said.has(`${client} ${pid}`));
}

function ranks({ starts }: History): Map<number, number> {
  return new Map(starts.map((pid, index) => [pid, index]));
}

function old(call: string | null, what: string): Violation {
  return { invariant: 'no old generation', call, what };
}
