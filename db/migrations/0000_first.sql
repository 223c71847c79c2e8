CREATE TABLE `audit` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`instance` text NOT NULL,
	`at` integer NOT NULL,
	`principal` text NOT NULL,
	`action` text NOT NULL,
	`detail` text,
	`result` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `audit_at` ON `audit` (`at`);--> statement-breakpoint
CREATE TABLE `instances` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`pid` integer NOT NULL,
	`start_time` text NOT NULL,
	`boot_id` text NOT NULL,
	`socket_path` text NOT NULL,
	`command` text NOT NULL,
	`cwd` text NOT NULL,
	`version` text NOT NULL,
	`started_at` integer NOT NULL,
	`ended_at` integer,
	`how` text,
	`machine` text
);
--> statement-breakpoint
CREATE INDEX `instances_ended_at` ON `instances` (`ended_at`);--> statement-breakpoint
CREATE TABLE `reboots` (
	`id` text PRIMARY KEY NOT NULL,
	`instance` text NOT NULL,
	`started_at` integer NOT NULL,
	`completed_at` integer,
	`success` integer,
	`outcome` text,
	`reason` text NOT NULL,
	`trigger` text NOT NULL,
	`requested_by` text NOT NULL,
	`blackout_ms` real,
	`sessions_kept` integer NOT NULL,
	`sessions_lost` integer NOT NULL,
	`report` text NOT NULL,
	`stderr_tail` blob
);
--> statement-breakpoint
CREATE INDEX `reboots_started_at` ON `reboots` (`started_at`);--> statement-breakpoint
CREATE INDEX `reboots_instance` ON `reboots` (`instance`);--> statement-breakpoint
CREATE TABLE `sessions` (
	`instance` text NOT NULL,
	`id` text NOT NULL,
	`era` text NOT NULL,
	`client` text NOT NULL,
	`protocol_version` text,
	`state` text NOT NULL,
	`updated_at` integer NOT NULL,
	`handshake_at` integer,
	`handshake` blob,
	PRIMARY KEY(`instance`, `id`),
	FOREIGN KEY (`instance`) REFERENCES `instances`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `sessions_handshake` ON `sessions` (`era`,`handshake_at`);--> statement-breakpoint
CREATE TABLE `snapshots` (
	`id` text PRIMARY KEY NOT NULL,
	`instance` text NOT NULL,
	`reboot_id` text NOT NULL,
	`saved_at` integer NOT NULL,
	`sha256` text NOT NULL,
	`bytes` integer NOT NULL,
	`sealed` blob NOT NULL,
	FOREIGN KEY (`instance`) REFERENCES `instances`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `snapshots_instance_saved_at` ON `snapshots` (`instance`,`saved_at`);--> statement-breakpoint
CREATE TABLE `transitions` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`instance` text NOT NULL,
	`reboot_id` text,
	`from` text NOT NULL,
	`to` text NOT NULL,
	`event` text NOT NULL,
	`at` integer NOT NULL,
	FOREIGN KEY (`instance`) REFERENCES `instances`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `transitions_reboot_id` ON `transitions` (`reboot_id`);--> statement-breakpoint
CREATE INDEX `transitions_instance_at` ON `transitions` (`instance`,`at`);--> statement-breakpoint
CREATE TABLE `workers` (
	`instance` text NOT NULL,
	`generation` integer NOT NULL,
	`pid` integer NOT NULL,
	`start_time` text NOT NULL,
	`boot_id` text NOT NULL,
	`started_at` integer NOT NULL,
	`exited_at` integer,
	`exit_code` integer,
	`exit_signal` text,
	`stderr_tail` blob,
	PRIMARY KEY(`instance`, `generation`),
	FOREIGN KEY (`instance`) REFERENCES `instances`(`id`) ON UPDATE no action ON DELETE cascade
);
