/**
 * What Python writes for the explorer, and how it lies in `explorer/data/`.
 *
 * `index.js` calls `retinoscope.index({...})` with an `Index`. Every column lies in a folder of its own, in chunks:
 * `PATH/0.js` calls `retinoscope.chunk("PATH", 0, "BASE64")`. Scripts, because from `file://` nothing else can be
 * loaded. In a single file the same texts lie in data blocks, `<script type="text/plain" data-path="PATH"
 * data-chunk="0">`, and `<script type="application/json" id="retinoscope-index">`.
 *
 * Names are those of the Python side (src/retinoscope/page/explorer), in snake case. A moment is a row of the recording.
 */

export const SCHEMA = 1;

/**
 * How numbers are stored, little-endian, row after row.
 *
 * `code8` and `code16` are unsigned whole numbers: value = low + code / 254 (65534) * (high - low); the highest code,
 * 255 (65535), stands for "not a number". `low` and `high` have one entry for each number of a row, or one for all.
 */
export type Encoding = "float32" | "int32" | "uint8" | "code8" | "code16";

export interface Column {
	path: string;
	rows: number;
	/** Numbers in a row. */
	width: number;
	encoding: Encoding;
	/** Chunk i holds rows [i * chunk_rows, (i + 1) * chunk_rows), the last one fewer. */
	chunk_rows: number;
	low?: number[];
	high?: number[];
}

/** Activity, `code16`, unit by unit: chunk g * ceil(rows / chunk_rows) + b holds `chunk_units` units of block b. */
export interface Activity {
	path: string;
	rows: number;
	units: number;
	chunk_rows: number;
	chunk_units: number;
	low: number[];
	high: number[];
}

/** Means over `rows_per_bin` moments, `code8`, (bin, unit), by the low and high of the layer's activity. */
export interface Overview {
	column: Column;
	rows_per_bin: number;
}

export interface Layer {
	name: string;
	title: string;
	role: string;
	units: number;
	/** What the numbers are: "activity", "mean over the map", "component". */
	quantity: string;
	/** Of the numbers; empty if they have none. */
	number_units: string;
	activity: Activity;
	overview: Overview;
}

/** Pictures as sprite sheets: chunk s is one image file (`type`) with pictures [s * per_sheet, ...), row by row. */
export interface Pictures {
	path: string;
	count: number;
	height: number;
	width: number;
	per_sheet: number;
	/** Pictures side by side in a sheet. */
	across: number;
	type: "image/png" | "image/webp";
	/** To the last bit as the network was given them (the newest, of stacked frames), 8 bits per colour. */
	is_exact: boolean;
}

export interface Head {
	name: string;
	kind: "choice" | "q_values" | "gaussian";
	/** Names of the choices; of a Gaussian head the names of its numbers. */
	outputs: string[];
}

export interface Variable {
	name: string;
	title: string;
	units: string;
	kind: "quantity" | "place" | "heading";
	/** Names of its numbers; empty for a single number. */
	labels: string[];
	column: Column;
}

export interface EventClass {
	name: string;
	valence: number | null;
	units: string;
	/** Moments at which it happened (between this observation and the next), ascending; width 1, int32. */
	rows: Column;
}

export interface Episode {
	start: number;
	stop: number;
	/** In the world's words; empty if the recording ended first. */
	ending: string;
}

export interface Objects {
	classes: string[];
	valences: (number | null)[];
	/** rows + 1 numbers: objects first[r] to first[r + 1] are in view at moment r. int32. */
	first: Column;
	/** (class, left, top, width, height, distance), pixels; float32. */
	objects: Column;
	distance_units: string;
}

export interface Recording {
	rows: number;
	seconds_per_decision: number | null;
	episodes: Episode[];
	frames: Pictures | null;
	heads: Head[];
	/** (row, head), or (row, number) of continuous actions. */
	actions: Column | null;
	/** Of all outputs of all heads: probabilities of choices, Q-values, or means of Gaussian heads. */
	outputs: Column | null;
	value: Column | null;
	reward: Column | null;
	variables: Variable[];
	events: EventClass[];
	objects: Objects | null;
	/** What people call good and bad events: "healing pick-up", "harmful pick-up". */
	words: { positive: string; negative: string; event: string; events: string };
}

interface PanelOf<Kind extends string> {
	kind: Kind;
	/** Unique in the index. */
	name: string;
	/** Name of its analysis. */
	analysis: string;
	title: string;
	caption: string;
}

/** An embedding: one point for some moments. */
export interface PointsPanel extends PanelOf<"points"> {
	layer: string;
	/** Moment of each point; int32. */
	rows: Column;
	/** (point, 2) float32. */
	points: Column;
	/** One line on what the picture is worth: "keeps 55% of neighbours". */
	note: string;
}

/** In which order the units of a layer stand in the raster, top to bottom. */
export interface OrderPanel extends PanelOf<"order"> {
	layer: string;
	units: number[];
}

/** A picture for every unit of a layer: a receptive field. */
export interface UnitPicturesPanel extends PanelOf<"unit_pictures"> {
	layer: string;
	/** (unit, height * width * channels) float32. */
	pictures: Column;
	height: number;
	width: number;
	channels: number;
	/** Numbers around 0, shown with zero in grey. */
	is_signed: boolean;
	/** One line for each unit, or none. */
	notes: string[];
	/** One line for the layer: "conv1: 94% learned". */
	note: string;
}

/** A picture for every unit of a layer at every checkpoint of a training run. */
export interface CheckpointPicturesPanel extends PanelOf<"checkpoint_pictures"> {
	layer: string;
	/** Of each checkpoint, ascending. */
	frames_trained: number[];
	/** (unit, checkpoint * height * width * channels); those of a unit are shown on one scale. */
	pictures: Column;
	height: number;
	width: number;
	channels: number;
	/** Numbers around 0, shown with zero in grey. */
	is_signed: boolean;
	note: string;
}

/** Curves for every unit of a layer: activity around events, tuning. */
export interface UnitCurvesPanel extends PanelOf<"unit_curves"> {
	layer: string;
	x: number[];
	x_title: string;
	y_title: string;
	/** x is frames trained, one for each checkpoint. */
	is_over_training: boolean;
	curves: UnitCurve[];
}

export interface UnitCurve {
	name: string;
	tone: "good" | "bad" | "neutral" | "chance";
	/** (unit, x). */
	values: Column;
	low: Column | null;
	high: Column | null;
}

/** Numbers for every unit of a layer: reliability, learned share, preferred orientation, correlates. */
export interface UnitNumbersPanel extends PanelOf<"unit_numbers"> {
	layer: string;
	numbers: { name: string; title: string; units: string }[];
	/** (unit, number) float32. */
	values: Column;
}

/** Lists of samples (stretches of moments) for every unit of a layer, by scope and level. */
export interface ExamplesPanel extends PanelOf<"examples"> {
	layer: string;
	/** Moments in a sample. */
	steps: number;
	/** Counted from 0. */
	gradient_step: number;
	/** First moment of each sample; int32. */
	samples: Column;
	/** Names of samples, or none: their numbers. */
	names: string[];
	/** (unit, sample) uint8: 1 where the sample is in the list. */
	lists: { scope: string; level: string; listed: Column }[];
}

/** Which pixels moved what, at some moments. */
export interface SaliencyPanel extends PanelOf<"saliency"> {
	height: number;
	width: number;
	targets: {
		name: string;
		title: string;
		/** Of a component or unit: which. */
		layer: string | null;
		unit: number | null;
		/** Of the randomisation check, one line. */
		verdict: string;
		has_passed: boolean | null;
		/** Moments, ascending; int32. */
		rows: Column;
		/** (moment, height * width), code8 between -scale and scale. */
		maps: Column;
	}[];
}

/** Responses to images that were shown: (image, place) pairs, image by image. */
export interface ImagesPanel extends PanelOf<"images"> {
	/** As the agent saw them: picture image * places + place. */
	pictures: Pictures;
	names: string[];
	classes: string[];
	class_of: number[];
	/** Of each class; null where it is not known. */
	valences: (number | null)[];
	places: string[];
	heads: Head[];
	/** (image * places + place, output): probabilities. */
	outputs: Column | null;
	value: Column | null;
	responses: { layer: string; values: Column }[];
	saliency: { name: string; title: string; verdict: string; has_passed: boolean | null; maps: Column }[];
	/** Which (image, place) pairs the maps belong to; null for all; int32. */
	saliency_rows: Column | null;
}

/** The same moments or images before several agents. */
export interface AgentsPanel extends PanelOf<"agents"> {
	/** As all of them saw it, one picture for each stimulus. */
	pictures: Pictures;
	names: string[];
	/** Moment of each stimulus; int32; null for images. */
	rows: Column | null;
	agents: {
		name: string;
		heads: Head[];
		/** (stimulus, output): probabilities, or means of Gaussian heads. */
		outputs: Column | null;
		value: Column | null;
		/** (stimulus, unit); one range for each layer. */
		responses: { layer: string; values: Column }[];
	}[];
}

export interface TablePanel extends PanelOf<"table"> {
	columns: string[];
	rows: (string | number)[][];
}

export type Panel =
	| PointsPanel
	| OrderPanel
	| UnitPicturesPanel
	| CheckpointPicturesPanel
	| UnitCurvesPanel
	| UnitNumbersPanel
	| ExamplesPanel
	| SaliencyPanel
	| ImagesPanel
	| AgentsPanel
	| TablePanel;

export interface Index {
	schema: number;
	/** Hash of what was recorded, whatever was computed of it: notes say which moments they speak of. */
	identity: string;
	title: string;
	subtitle: string;
	recording: Recording | null;
	layers: Layer[];
	panels: Panel[];
	/** Analyses that could not be made. */
	not_made: { analysis: string; title: string; reason: string }[];
	/** What to run for a kind of panel (or "recording", "frames") that is not here: one command or sentence. */
	advice: Record<string, string>;
}
