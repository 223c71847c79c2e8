/** Container file and Kubernetes manifest: what they name exists, and the times fit each other. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { configSchema } from '../../src/config.ts';
import { VERSION } from '../../src/version.ts';
import { startService } from '../support/http.ts';
import { worker } from '../support/launch.ts';
import { shows } from '../support/shows.ts';
import { text, yaml } from './files.ts';

const defaults = configSchema.parse({});
const containerfile = text('container/Containerfile');

interface Probe {
  httpGet: { path: string; port: string };
}
interface Container {
  args: string[];
  image: string;
  ports: { name: string; containerPort: number }[];
  env: { name: string; value: string }[];
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
  lifecycle: { preStop: { exec: { command: string[] } } };
  startupProbe: Probe;
  readinessProbe: Probe;
  livenessProbe: Probe;
}
interface Manifest {
  kind: string;
  spec: {
    replicas: number;
    strategy: { type: string };
    selector: object;
    ports: { port: number; targetPort: string }[];
    template: {
      metadata: { labels: object; annotations: Record<string, string> };
      spec: {
        terminationGracePeriodSeconds: number;
        containers: [Container];
        volumes: { name: string }[];
      };
    };
  };
}

const manifests = yaml<Manifest>('kubernetes/segue.yaml');
const deployment = manifests.find(({ kind }) => kind === 'Deployment')!.spec;
const pod = deployment.template.spec;
const [container] = pod.containers;

/** The argv of an instruction in JSON form. */
function argvOf(instruction: string): string[] {
  const [, json] = new RegExp(`${instruction}.*?(?:CMD )?(\\[.*\\])$`, 'ms').exec(containerfile) ?? [];
  return JSON.parse(json!.split('\n')[0]!) as string[];
}

shows('M5', 'the pod lives longer than its preStop, the drain and the end of its servers', () => {
  const [, , script] = container.lifecycle.preStop.exec.command as [string, string, string];
  const preStopMs = Number(/(\d+)\)$/.exec(script)![1]);
  const { stdinEndMs, termMs } = defaults.timing;
  expect(container.args).toEqual(['--set', `http.drainMs=${defaults.http.drainMs}`]);
  const needed = preStopMs + defaults.http.drainMs + stdinEndMs + termMs;
  expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThan(needed);
});

shows(
  'M5',
  'the paths of all probes are answered by a live service, and the health check of the image',
  async () => {
    const { port } = await startService({ command: worker('echo') });
    for (const { httpGet } of [container.startupProbe, container.readinessProbe, container.livenessProbe])
      expect((await fetch(`http://127.0.0.1:${port}${httpGet.path}`)).status).toBe(200);
    const { annotations } = deployment.template.metadata;
    const metrics = await fetch(`http://127.0.0.1:${port}${annotations['prometheus.io/path']}`);
    expect(await metrics.text()).toContain('segue_build_info');
    const [, flag, script] = argvOf('HEALTHCHECK') as [string, string, string];
    const check = (at: number) =>
      promisify(execFile)(process.execPath, [flag, script.replace(`:${defaults.http.port}/`, `:${at}/`)]);
    await expect(check(port)).resolves.toBeDefined();
    await expect(check(1)).rejects.toMatchObject({ code: 1 });
  },
);

it('has one port everywhere: the default one', () => {
  const { port } = defaults.http;
  expect(/^EXPOSE (\d+)$/m.exec(containerfile)![1]).toBe(String(port));
  expect(argvOf('ENTRYPOINT')).toEqual(['segue', 'serve', '--host', '0.0.0.0', '--port', String(port)]);
  expect(container.ports).toEqual([{ name: 'mcp', containerPort: port }]);
  expect(manifests.find(({ kind }) => kind === 'Service')!.spec.ports).toMatchObject([
    { port, targetPort: 'mcp' },
  ]);
  expect(deployment.template.metadata.annotations['prometheus.io/port']).toBe(String(port));
  for (const { httpGet } of [container.startupProbe, container.readinessProbe, container.livenessProbe])
    expect(httpGet.port).toBe('mcp');
});

it('runs one pod at a time, as no root, in this version', () => {
  expect(deployment).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
  expect(deployment.selector).toEqual({ matchLabels: deployment.template.metadata.labels });
  expect(pod).toMatchObject({ securityContext: { runAsNonRoot: true } });
  expect(containerfile).toMatch(/^USER node$/m);
  expect(containerfile).toContain(`SEGUE_VERSION=${VERSION}\n`);
  expect(container.image).toBe(`segue:${VERSION}`);
});

it('keeps its state on the volume, and can write nowhere else but in memory', () => {
  const names = pod.volumes.map(({ name }) => name);
  expect(container.volumeMounts.map(({ name }) => name).sort()).toEqual(names.sort());
  const env = Object.fromEntries(container.env.map(({ name, value }) => [name, value]));
  const mountOf = (path: string) =>
    container.volumeMounts.find(({ mountPath }) => path.startsWith(mountPath))?.name;
  expect(mountOf(env.XDG_STATE_HOME!)).toBe('state');
  expect(mountOf(env.XDG_RUNTIME_DIR!)).toBe('run');
  expect(mountOf(env.SEGUE_CONFIG!)).toBe('config');
});
