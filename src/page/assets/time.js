/** Times and sizes for people. */
export function duration(ms) {
  if (ms === null || ms === undefined) return '–';
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(2)} s`;
  const s = Math.floor(ms / 1_000);
  if (s < 60) return `${s} s`;
  if (s < 3_600) return `${Math.floor(s / 60)} m ${pad(s % 60)} s`;
  if (s < 86_400) return `${Math.floor(s / 3_600)} h ${pad(Math.floor(s / 60) % 60)} m`;
  return `${Math.floor(s / 86_400)} d ${Math.floor(s / 3_600) % 24} h`;
}

const pad = (n) => String(n).padStart(2, '0');

export const clock = (iso) => new Date(iso).toLocaleTimeString('en-GB');

export const bytes = (n) => (n === null || n === undefined ? '–' : `${(n / 1024 / 1024).toFixed(1)} MiB`);
