/** Who may do what: a client uses the server, a monitor also reads, an operator also restarts, an admin does all (F51). */
export const ROLES = ['client', 'monitor', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];
