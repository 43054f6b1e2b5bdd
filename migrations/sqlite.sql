-- revision 0006:0003
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, suits VARCHAR(80), 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE delivery (
	id VARCHAR(36) NOT NULL, 
	position BIGINT NOT NULL, 
	receiver TEXT NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	action VARCHAR(16) NOT NULL, 
	alert_id BIGINT, 
	story_id BIGINT, 
	storyline_id BIGINT, 
	target_id VARCHAR(36), 
	broadcast BOOLEAN NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	attempts INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	next_attempt_at DATETIME, 
	first_attempt_at DATETIME, 
	last_attempt_at DATETIME, 
	last_error TEXT, 
	error_scope VARCHAR(16), 
	scans INTEGER NOT NULL, 
	anchor VARCHAR(40), 
	channel TEXT, 
	ts VARCHAR(40), 
	facts JSON NOT NULL, 
	payload JSON, 
	sent_at DATETIME, 
	CONSTRAINT pk_delivery PRIMARY KEY (id), 
	CONSTRAINT uq_delivery_position UNIQUE (position)
);
CREATE INDEX ix_delivery_alert_id ON delivery (alert_id);
CREATE INDEX ix_delivery_receiver_state ON delivery (receiver, state);
CREATE INDEX ix_delivery_state_next_attempt_at ON delivery (state, next_attempt_at);
CREATE INDEX ix_delivery_story_id ON delivery (story_id);
CREATE INDEX ix_delivery_storyline_id ON delivery (storyline_id);
CREATE INDEX ix_delivery_target_id ON delivery (target_id);
CREATE TABLE entry (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	feed_id TEXT NOT NULL, 
	title TEXT NOT NULL, 
	summary TEXT DEFAULT '' NOT NULL, 
	content TEXT DEFAULT '' NOT NULL, 
	url TEXT DEFAULT '' NOT NULL, 
	author TEXT DEFAULT '' NOT NULL, 
	tags JSON NOT NULL, 
	links JSON NOT NULL, 
	published_at DATETIME, 
	first_seen_at DATETIME NOT NULL, 
	revised_at DATETIME, 
	revision INTEGER NOT NULL, 
	text_hash VARCHAR(32) NOT NULL, 
	title_hash VARCHAR(32) NOT NULL, 
	url_hash VARCHAR(32) NOT NULL, 
	baseline BOOLEAN NOT NULL, 
	pruned_at DATETIME
);
CREATE INDEX ix_entry_first_seen_at ON entry (first_seen_at) WHERE pruned_at IS NULL;
CREATE INDEX ix_entry_url_hash ON entry (url_hash);
CREATE TABLE entry_key (
	feed_id TEXT NOT NULL, 
	"key" VARCHAR(40) NOT NULL, 
	entry_id BIGINT NOT NULL, 
	text_hash VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_entry_key PRIMARY KEY (feed_id, "key")
)
 WITHOUT ROWID

;
CREATE INDEX ix_entry_key_entry_id ON entry_key (entry_id);
CREATE TABLE fact (
	name TEXT NOT NULL, 
	value JSON NOT NULL, 
	at DATETIME NOT NULL, 
	number FLOAT, 
	CONSTRAINT pk_fact PRIMARY KEY (name)
);
CREATE TABLE feed (
	id TEXT NOT NULL, 
	title TEXT DEFAULT '' NOT NULL, 
	listed BOOLEAN NOT NULL, 
	paused BOOLEAN NOT NULL, 
	config_url TEXT NOT NULL, 
	url TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	poll_seq BIGINT NOT NULL, 
	etag TEXT, 
	last_modified TEXT, 
	body_hash VARCHAR(64), 
	items INTEGER NOT NULL, 
	next_poll_at DATETIME, 
	last_poll_at DATETIME, 
	last_success_at DATETIME, 
	last_status INTEGER, 
	last_error TEXT, 
	failures INTEGER NOT NULL, 
	failing_since DATETIME, 
	gone BOOLEAN NOT NULL, 
	baselined_at DATETIME, 
	redirect_url TEXT, 
	redirect_since DATETIME, 
	hints JSON NOT NULL, 
	polls JSON NOT NULL, 
	last_new_at DATETIME, 
	notice TEXT, 
	why_next TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_feed PRIMARY KEY (id)
);
CREATE INDEX ix_feed_next_poll_at ON feed (next_poll_at);
CREATE TABLE feedback (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	story_id BIGINT NOT NULL, 
	rule_id TEXT NOT NULL, 
	rule_version VARCHAR(32) NOT NULL, 
	verdict VARCHAR(16) NOT NULL, 
	"by" TEXT DEFAULT '' NOT NULL, 
	created_at DATETIME NOT NULL
);
CREATE INDEX ix_feedback_rule_id ON feedback (rule_id);
CREATE TABLE host (
	name TEXT NOT NULL, 
	not_before DATETIME, 
	last_start_at DATETIME, held_by VARCHAR(40), held_until DATETIME, 
	CONSTRAINT pk_host PRIMARY KEY (name)
);
CREATE TABLE mute (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind VARCHAR(16) NOT NULL, 
	value TEXT NOT NULL, 
	until DATETIME NOT NULL, 
	"by" TEXT DEFAULT '' NOT NULL, 
	created_at DATETIME NOT NULL
);
CREATE TABLE receiver (
	name TEXT NOT NULL, 
	worked_at DATETIME, 
	parked_scope VARCHAR(16), 
	parked_code TEXT, 
	parked_at DATETIME, 
	retry_at DATETIME, 
	last_post_at DATETIME, 
	credential_hash VARCHAR(64), 
	CONSTRAINT pk_receiver PRIMARY KEY (name)
);
CREATE TABLE rule (
	id TEXT NOT NULL, 
	version VARCHAR(32) NOT NULL, 
	loaded_at DATETIME NOT NULL, 
	title TEXT DEFAULT '' NOT NULL, 
	severity VARCHAR(16) NOT NULL, 
	CONSTRAINT pk_rule PRIMARY KEY (id, version)
);
CREATE TABLE storyline (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	previous_id BIGINT, 
	created_at DATETIME NOT NULL, 
	last_news_at DATETIME NOT NULL, 
	due_at DATETIME, 
	context TEXT DEFAULT '' NOT NULL, 
	baseline BOOLEAN NOT NULL
);
CREATE INDEX ix_storyline_last_news_at ON storyline (last_news_at);
CREATE TABLE hit (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	entry_id INTEGER NOT NULL, 
	rule_id TEXT NOT NULL, 
	rule_version VARCHAR(32) NOT NULL, 
	rule_title TEXT DEFAULT '' NOT NULL, 
	severity VARCHAR(16) NOT NULL, 
	tags JSON NOT NULL, 
	spans JSON NOT NULL, 
	shift JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	baseline BOOLEAN NOT NULL, 
	CONSTRAINT fk_hit_entry_id FOREIGN KEY(entry_id) REFERENCES entry (id) ON DELETE CASCADE, 
	CONSTRAINT uq_hit_entry_id_rule_id_rule_version UNIQUE (entry_id, rule_id, rule_version)
);
CREATE INDEX ix_hit_rule_id ON hit (rule_id);
CREATE TABLE story (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	storyline_id INTEGER NOT NULL, 
	title TEXT NOT NULL, 
	severity VARCHAR(16) NOT NULL, 
	direction VARCHAR(16) NOT NULL, 
	stage VARCHAR(16) NOT NULL, 
	object VARCHAR(16) NOT NULL, 
	orgs JSON NOT NULL, 
	models JSON NOT NULL, 
	shift JSON NOT NULL, 
	rule_ids JSON NOT NULL, 
	first_seen_at DATETIME NOT NULL, 
	last_seen_at DATETIME NOT NULL, 
	baseline BOOLEAN NOT NULL, 
	CONSTRAINT fk_story_storyline_id FOREIGN KEY(storyline_id) REFERENCES storyline (id) ON DELETE CASCADE
);
CREATE INDEX ix_story_direction ON story (direction);
CREATE INDEX ix_story_last_seen_at ON story (last_seen_at);
CREATE INDEX ix_story_storyline_id ON story (storyline_id);
CREATE TABLE alert (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	story_id INTEGER, 
	entry_id BIGINT, 
	reason VARCHAR(40) NOT NULL, 
	severity VARCHAR(16) NOT NULL, 
	line TEXT DEFAULT '' NOT NULL, 
	suppressed BOOLEAN NOT NULL, 
	note TEXT DEFAULT '' NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT fk_alert_story_id FOREIGN KEY(story_id) REFERENCES story (id) ON DELETE CASCADE
);
CREATE INDEX ix_alert_created_at ON alert (created_at);
CREATE INDEX ix_alert_entry_id ON alert (entry_id);
CREATE INDEX ix_alert_story_id ON alert (story_id);
CREATE TABLE step (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	storyline_id INTEGER NOT NULL, 
	story_id INTEGER NOT NULL, 
	entry_id BIGINT, 
	at DATETIME NOT NULL, 
	stage VARCHAR(16) NOT NULL, 
	direction VARCHAR(16) NOT NULL, 
	reason VARCHAR(40) NOT NULL, 
	headline TEXT DEFAULT '' NOT NULL, 
	url TEXT DEFAULT '' NOT NULL, 
	outlet TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT fk_step_story_id FOREIGN KEY(story_id) REFERENCES story (id) ON DELETE CASCADE, 
	CONSTRAINT fk_step_storyline_id FOREIGN KEY(storyline_id) REFERENCES storyline (id) ON DELETE CASCADE
);
CREATE INDEX ix_step_story_id ON step (story_id);
CREATE INDEX ix_step_storyline_id ON step (storyline_id);
CREATE TABLE story_entry (
	entry_id INTEGER NOT NULL, 
	story_id INTEGER NOT NULL, 
	joined_at DATETIME NOT NULL, 
	why TEXT DEFAULT '' NOT NULL, 
	outlet TEXT DEFAULT '' NOT NULL, 
	trust VARCHAR(16) DEFAULT 'press' NOT NULL, 
	severity VARCHAR(16) DEFAULT 'low' NOT NULL, 
	rule_ids JSON NOT NULL, 
	shift JSON NOT NULL, 
	CONSTRAINT pk_story_entry PRIMARY KEY (entry_id), 
	CONSTRAINT fk_story_entry_entry_id FOREIGN KEY(entry_id) REFERENCES entry (id) ON DELETE CASCADE, 
	CONSTRAINT fk_story_entry_story_id FOREIGN KEY(story_id) REFERENCES story (id) ON DELETE CASCADE
);
CREATE INDEX ix_story_entry_story_id ON story_entry (story_id);
CREATE TABLE unsearched (
	entry_id INTEGER NOT NULL, 
	CONSTRAINT pk_unsearched PRIMARY KEY (entry_id)
);
CREATE VIRTUAL TABLE entry_search USING fts5(words, columnsize=0, tokenize="ascii tokenchars '.'");
CREATE TABLE press (
	"key" VARCHAR(64) NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_press PRIMARY KEY ("key")
);
CREATE INDEX ix_delivery_channel_ts ON delivery (channel, ts);
CREATE UNIQUE INDEX ix_feedback_story_id_by_rule_id_rule_version ON feedback (story_id, "by", rule_id, rule_version);
CREATE TABLE worker (
	id VARCHAR(40) NOT NULL, 
	host TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	version TEXT NOT NULL, 
	since DATETIME NOT NULL, 
	seen_at DATETIME NOT NULL, 
	leads BOOLEAN NOT NULL, 
	configuration VARCHAR(16) DEFAULT '' NOT NULL, 
	jobs INTEGER NOT NULL, 
	CONSTRAINT pk_worker PRIMARY KEY (id)
);
CREATE INDEX ix_worker_seen_at ON worker (seen_at);
CREATE TABLE kin (
	storyline_id INTEGER NOT NULL, 
	other_id INTEGER NOT NULL, 
	CONSTRAINT pk_kin PRIMARY KEY (storyline_id, other_id), 
	CONSTRAINT fk_kin_other_id FOREIGN KEY(other_id) REFERENCES storyline (id) ON DELETE CASCADE, 
	CONSTRAINT fk_kin_storyline_id FOREIGN KEY(storyline_id) REFERENCES storyline (id) ON DELETE CASCADE
);
CREATE INDEX ix_kin_other_id ON kin (other_id);
CREATE INDEX ix_entry_feed_id_title_hash ON entry (feed_id, title_hash);
INSERT INTO alembic_version (version_num, suits) VALUES ('0006', '0006:0003');
