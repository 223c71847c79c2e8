CREATE TABLE `approved_tools` (
	`name` text PRIMARY KEY NOT NULL,
	`digest` text NOT NULL,
	`approved_at` integer NOT NULL,
	`by` text NOT NULL
);
