/** The words of the extension; imported by servers too, so nothing may be loaded here. */
export const EXTENSION = 'io.github.mcp-segue/reboot';

export const METHODS = [
  'reboot/suspend',
  'reboot/resume',
  'reboot/serialize',
  'reboot/restore',
  'reboot/health',
] as const;
export type Method = (typeof METHODS)[number];

export function isMethod(method: string): method is Method {
  return (METHODS as readonly string[]).includes(method);
}
