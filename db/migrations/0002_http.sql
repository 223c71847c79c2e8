CREATE TABLE `http_events` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`session` text NOT NULL,
	`stream` text NOT NULL,
	`seq` integer NOT NULL,
	`at` integer NOT NULL,
	`size` integer NOT NULL,
	`bytes` blob,
	FOREIGN KEY (`session`) REFERENCES `http_sessions`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `http_events_seq` ON `http_events` (`session`,`stream`,`seq`);--> statement-breakpoint
CREATE INDEX `http_events_session` ON `http_events` (`session`);--> statement-breakpoint
CREATE TABLE `http_requests` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`session` text NOT NULL,
	`stream` text NOT NULL,
	`key` text NOT NULL,
	`sent` integer NOT NULL,
	`bytes` blob NOT NULL,
	FOREIGN KEY (`session`) REFERENCES `http_sessions`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `http_requests_key` ON `http_requests` (`session`,`key`);--> statement-breakpoint
CREATE TABLE `http_sessions` (
	`id` text PRIMARY KEY NOT NULL,
	`principal` text NOT NULL,
	`worker_key` text NOT NULL,
	`created_at` integer NOT NULL,
	`used_at` integer NOT NULL,
	`state` blob NOT NULL
);
--> statement-breakpoint
CREATE TABLE `http_streams` (
	`session` text NOT NULL,
	`stream` text NOT NULL,
	`last_seq` integer NOT NULL,
	`dropped_seq` integer,
	`ended` integer NOT NULL,
	PRIMARY KEY(`session`, `stream`),
	FOREIGN KEY (`session`) REFERENCES `http_sessions`(`id`) ON UPDATE no action ON DELETE cascade
);
