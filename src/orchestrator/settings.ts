import type { Config } from '../config.ts';

export type OrchestratorSettings = Config['orchestrator'] & {
  /** Where recipes run that do not say it themselves. */
  cwd: string;
  /** What recipes may be passed parts of. */
  environment: Readonly<Record<string, string | undefined>>;
  /** How often one looks for tasks of dead owners, and for what others did. */
  lookEveryMs: number;
};
