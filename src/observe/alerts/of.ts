import type { Config } from '../../config.ts';
import type { Alerts, AlertsOptions } from './alerts.ts';

/** Null where nobody wants to be told: nothing of it is loaded then. @throws as `startAlerts` does */
export async function alertsOf(
  { alerts }: Config,
  options: Omit<AlertsOptions, 'alerts'>,
): Promise<Alerts | null> {
  if (alerts.to.length === 0) return null;
  const { startAlerts } = await import('./alerts.ts');
  return startAlerts({ alerts, ...options });
}
