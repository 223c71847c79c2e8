/** How a worker is asked whether it lives: inside one of its sessions, in that session's era. */
import type { Connections } from '../session/connections.ts';
import type { WorkerLink } from '../worker/channel.ts';
import type { ProbeTarget } from '../worker/probe.ts';

export function probeTarget(link: WorkerLink, connections: Connections): ProbeTarget {
  return {
    link,
    inFlight: () => connections.inFlight,
    question() {
      const session = connections
        .all()
        .find((candidate) => candidate.link?.generation === link.generation && candidate.handshake.open);
      if (session?.context.gate() !== 'open') return null;
      const method = session.handshake.era === 'modern' ? 'server/discover' : 'ping';
      return { channel: link.within(session), method, params: session.handshake.wrap({}) };
    },
  };
}
