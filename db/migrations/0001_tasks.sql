CREATE TABLE `artifacts` (
	`id` text PRIMARY KEY NOT NULL,
	`task` text NOT NULL,
	`position` integer NOT NULL,
	`bytes` integer NOT NULL,
	`sha256` text NOT NULL,
	`about` blob NOT NULL,
	`content` blob,
	FOREIGN KEY (`task`) REFERENCES `tasks`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `artifacts_task` ON `artifacts` (`task`,`position`);--> statement-breakpoint
CREATE TABLE `leases` (
	`task` text PRIMARY KEY NOT NULL,
	`instance` text NOT NULL,
	`generation` integer NOT NULL,
	`pid` integer NOT NULL,
	`start_time` text NOT NULL,
	`boot_id` text NOT NULL,
	`taken_at` integer NOT NULL,
	`released_at` integer,
	FOREIGN KEY (`task`) REFERENCES `tasks`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `recipe_runs` (
	`id` text PRIMARY KEY NOT NULL,
	`task` text NOT NULL,
	`root` text NOT NULL,
	`attempt` integer NOT NULL,
	`idempotent` integer NOT NULL,
	`instance` text NOT NULL,
	`generation` integer NOT NULL,
	`state` text NOT NULL,
	`pid` integer,
	`start_time` text,
	`boot_id` text,
	`started_at` integer NOT NULL,
	`ended_at` integer,
	`exit_code` integer,
	`exit_signal` text,
	`stderr_tail` blob,
	FOREIGN KEY (`task`) REFERENCES `tasks`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `recipe_runs_task` ON `recipe_runs` (`task`);--> statement-breakpoint
CREATE INDEX `recipe_runs_root_state` ON `recipe_runs` (`root`,`state`);--> statement-breakpoint
CREATE TABLE `task_dependencies` (
	`task` text NOT NULL,
	`needs` text NOT NULL,
	PRIMARY KEY(`task`, `needs`),
	FOREIGN KEY (`task`) REFERENCES `tasks`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`needs`) REFERENCES `tasks`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `task_dependencies_needs` ON `task_dependencies` (`needs`);--> statement-breakpoint
CREATE TABLE `task_events` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`task` text NOT NULL,
	`root` text NOT NULL,
	`instance` text NOT NULL,
	`generation` integer NOT NULL,
	`from` text,
	`to` text NOT NULL,
	`event` text NOT NULL,
	`at` integer NOT NULL,
	FOREIGN KEY (`task`) REFERENCES `tasks`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `task_events_task` ON `task_events` (`task`);--> statement-breakpoint
CREATE TABLE `tasks` (
	`id` text PRIMARY KEY NOT NULL,
	`root` text NOT NULL,
	`parent` text,
	`position` integer NOT NULL,
	`kind` text NOT NULL,
	`role` text NOT NULL,
	`recipe` text,
	`state` text NOT NULL,
	`progress` integer NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`machine` text NOT NULL,
	`content` blob NOT NULL,
	FOREIGN KEY (`parent`) REFERENCES `tasks`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `tasks_root` ON `tasks` (`root`,`position`);--> statement-breakpoint
CREATE INDEX `tasks_state_kind` ON `tasks` (`state`,`kind`);--> statement-breakpoint
CREATE INDEX `tasks_created_at` ON `tasks` (`created_at`,`id`);