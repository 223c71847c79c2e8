/** The live `segue top`: what it looks at, what it is asked for, and when it paints. */
import picocolors from 'picocolors';
import type { AdminClient } from '../control/admin-client.ts';
import { systemEnv } from '../env.ts';
import type { Happening } from '../observe/feed.ts';
import type { Overview } from '../observe/overview.ts';
import type { ListedInstance } from '../state/instances.ts';
import { shortId } from './format.ts';
import { connectTo, runningInstances } from './instance.ts';
import { plainLine } from './plain.ts';
import { reportSentence } from './report.ts';
import { enterScreen, type Screen } from './screen.ts';
import { type Line, styled } from './styled.ts';
import type { Terminal } from './terminal.ts';
import { topView } from './top-view.ts';

const REFRESH_EVERY_MS = 1_000;
const KEYS: Line = [['q', 'bold'], [' quit  '], ['r', 'bold'], [' reboot  '], ['a', 'bold'], [' abort']];
const CHOOSE: Line = [['  '], ['←→', 'bold'], [' instance']];

export class TopLoop {
  readonly #terminal: Terminal;
  readonly #end = Promise.withResolvers<number>();
  #screen!: Screen;
  #instances: ListedInstance[] = [];
  #chosen: ListedInstance;
  #client: AdminClient | null = null;
  #overview: Overview | null = null;
  #refreshing = false;
  /** Since the last reading has begun: what it brings may be older. */
  #news: Happening[] = [];
  /** Asked, and neither y nor n was typed yet. */
  #asking = false;
  #note = '';
  /** Why the last look has failed. */
  #problem = '';
  #over = false;

  constructor(terminal: Terminal, chosen: ListedInstance) {
    // What would be complained of on stderr would be written across the picture.
    const err = (text: string) => this.#say(text);
    this.#terminal = { ...terminal, err };
    this.#chosen = chosen;
  }

  /** Resolves with the exit code, the terminal as it was. */
  async run(): Promise<number> {
    this.#screen = enterScreen({
      onKey: (key) => this.#press(key),
      onResize: () => this.#paint(),
      onEnd: (exitCode) => this.#end.resolve(exitCode),
    });
    const tick = () => {
      void this.#refresh();
      cancel = systemEnv.timer(REFRESH_EVERY_MS, tick);
    };
    let cancel = () => {};
    try {
      tick();
      return await this.#end.promise;
    } finally {
      this.#over = true;
      cancel();
      this.#client?.close();
      this.#screen.leave();
    }
  }

  /** Looks who runs, connects where it is not connected, reads, paints. What fails is said and tried again. */
  async #refresh(): Promise<void> {
    if (this.#refreshing || this.#over) return;
    this.#refreshing = true;
    this.#news = [];
    let chosen = this.#chosen;
    try {
      this.#instances = await runningInstances(this.#terminal);
      const { instance } = this.#chosen;
      if (!this.#instances.some((each) => each.instance === instance)) {
        this.#overview = null;
        if (this.#instances[0]) this.#choose(this.#instances[0]);
      }
      chosen = this.#chosen;
      if (this.#instances.length > 0) {
        const client = this.#client ?? (await this.#connect());
        const overview = await client.request('overview');
        // Else another was chosen meanwhile.
        if (client === this.#client) this.#overview = this.#news.reduce(withNews, overview);
      }
      this.#problem = '';
    } catch (error) {
      this.#problem = plainLine((error as Error).message);
    } finally {
      this.#refreshing = false;
      this.#paint();
      if (this.#news.length > 0 || chosen !== this.#chosen) void this.#refresh();
    }
  }

  async #connect(): Promise<AdminClient> {
    const chosen = this.#chosen;
    const { client } = await connectTo(chosen);
    if (chosen !== this.#chosen || this.#over) client.close();
    else {
      this.#client = client;
      const left = () => {
        if (client === this.#client) this.#client = null; // it has ended; the next look finds out who runs
      };
      client
        .watch((happening) => this.#happened(client, happening), ['transition', 'report', 'workers'])
        .catch(left);
    }
    return client;
  }

  #happened(client: AdminClient, happening: Happening): void {
    if (client !== this.#client) return;
    this.#news.push(happening);
    if (this.#overview) {
      // Painted at once: a phase may be over before its overview would be here.
      this.#overview = withNews(this.#overview, happening);
      this.#paint();
    }
    void this.#refresh();
  }

  #press(key: string): void {
    if (key === 'ctrl-c' || key === 'ctrl-d') this.#end.resolve(0);
    else if (this.#asking) this.#answer(key);
    else if (key === 'q') this.#end.resolve(0);
    else if (key === 'r') this.#ask();
    else if (key === 'a') this.#order('abort', undo);
    else if (key === 'left' || key === 'up') this.#move(-1);
    else if (key === 'right' || key === 'down') this.#move(1);
  }

  #ask(): void {
    this.#asking = true;
    this.#paint();
  }

  #answer(key: string): void {
    this.#asking = false;
    if (key !== 'y') return this.#say('');
    this.#order('reboot', reboot);
  }

  #order(what: string, run: (client: AdminClient) => Promise<string>): void {
    const client = this.#client;
    if (client === null) return this.#say(`cannot ${what}: not connected`);
    this.#say(`${what} is asked for`);
    run(client).then(
      (sentence) => this.#say(sentence),
      (error: Error) => this.#say(`${what}: ${plainLine(error.message)}`),
    );
  }

  #move(step: number): void {
    const at = this.#instances.findIndex(({ instance }) => instance === this.#chosen.instance);
    const count = this.#instances.length;
    const next = this.#instances[(at + step + count) % count];
    if (next === undefined || next.instance === this.#chosen.instance) return;
    this.#choose(next);
    void this.#refresh();
  }

  #choose(next: ListedInstance): void {
    this.#client?.close();
    this.#client = null;
    this.#chosen = next;
    this.#overview = null;
    this.#note = '';
  }

  #say(note: string): void {
    this.#note = plainLine(note);
    this.#paint();
  }

  #paint(): void {
    const { columns, rows } = this.#screen;
    const footer = this.#footer();
    const room = { columns, rows, colors: picocolors };
    if (this.#overview === null) {
      const nobody =
        this.#instances.length === 0
          ? 'no instance of segue is running'
          : `looking at ${plainLine(this.#chosen.name)}`;
      return this.#screen.paint(
        [[[nobody] as const], footer].map((line) => styled(line, columns, picocolors)).join('\n'),
      );
    }
    const at = this.#instances.findIndex(({ instance }) => instance === this.#chosen.instance);
    const position = this.#instances.length > 1 ? { position: `${at + 1}/${this.#instances.length}` } : {};
    this.#screen.paint(
      topView({ overview: this.#overview, now: systemEnv.now(), footer, ...position }, room),
    );
  }

  #footer(): Line {
    if (this.#asking) return [[`reboot ${plainLine(this.#chosen.name)}? y/n`, 'yellow']];
    const keys = this.#instances.length > 1 ? [...KEYS, ...CHOOSE] : KEYS;
    const said = this.#problem || this.#note;
    return said === '' ? keys : [...keys, ['  '], [said, 'yellow']];
  }
}

async function reboot(client: AdminClient): Promise<string> {
  return reportSentence(await client.request('restart'));
}

async function undo(client: AdminClient): Promise<string> {
  const { reboot_id } = await client.request('abort');
  return `reboot ${shortId(plainLine(reboot_id))} is undone`;
}

/** Of a service with several servers it is not known here what the whole is now. What is not known of a new server is null. */
function withNews(overview: Overview, happening: Happening): Overview {
  if (happening.kind !== 'transition') return overview; // the next reading brings it
  const { instance, status, at } = happening;
  const workers = overview.workers.map((worker) => {
    if (worker.instance !== instance) return worker;
    const unknown = { pid: null, rss_bytes: null, uptime_s: null };
    const process = worker.status.generation === status.generation ? {} : unknown;
    return { ...worker, ...process, status, since: at };
  });
  return { ...overview, workers, status: workers.length === 1 ? status : overview.status };
}
