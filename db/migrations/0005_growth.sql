DROP INDEX `reboots_instance`;--> statement-breakpoint
CREATE INDEX `reboots_ended` ON `reboots` (`success`,`id`,`completed_at`,`blackout_ms`,`sessions_kept`,`sessions_lost`);--> statement-breakpoint
CREATE INDEX `reboots_instance` ON `reboots` (`instance`,`success`);--> statement-breakpoint
DROP INDEX `tasks_state_kind`;--> statement-breakpoint
CREATE INDEX `tasks_parent` ON `tasks` (`parent`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `tasks_state_kind` ON `tasks` (`state`,`kind`,`created_at`,`root`,`position`);--> statement-breakpoint
CREATE INDEX `leases_owner` ON `leases` (`instance`,`generation`,`pid`,`start_time`,`boot_id`,`released_at`);--> statement-breakpoint
CREATE INDEX `sessions_alike` ON `sessions` (`instance`,`era`,`protocol_version`,`handshake_at`);--> statement-breakpoint
CREATE INDEX `transitions_at` ON `transitions` (`at`);--> statement-breakpoint
CREATE INDEX `workers_tails` ON `workers` (`exited_at`) WHERE "workers"."stderr_tail" is not null;