/** Whether a host, as it stands in a URL or a Host header, can only be this machine. */
export function isLoopback(host: string): boolean {
  return host === '127.0.0.1' || host === 'localhost' || host === '[::1]';
}
