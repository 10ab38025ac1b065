/** Notes as `retinoscope.load_notes` reads them: moments by row, and by episode and step. */

import type { Index } from "../data/schema";
import { evaluate } from "../selection";
import { episodeAt } from "../state";

export interface Note {
	text: string;
	/** ISO 8601. */
	created: string;
	/** "#..." */
	address: string;
	/** A recipe; empty if there was no selection. */
	selection: string;
	/** Row; null without a recording. */
	moment: number | null;
	/** "layer/index"; empty if none was picked. */
	unit: string;
}

interface Exported extends Note {
	rows: number[];
	episodes: number[];
	steps: number[];
}

export interface NotesFile {
	retinoscope_notes: 1;
	identity: string;
	title: string;
	notes: Exported[];
}

/** A file that is no file of notes, or of other data; the message is for people. */
export class BadNotes extends Error {}

/** The moments of a note: its selection, or else its moment. */
async function rowsOf(note: Note, index: Index): Promise<number[]> {
	if (note.selection) return Array.from(await evaluate(note.selection, index));
	return note.moment === null ? [] : [note.moment];
}

export async function fileOf(notes: readonly Note[], index: Index): Promise<NotesFile> {
	const episodes = index.recording?.episodes ?? [];
	const exported = await Promise.all(
		notes.map(async (note): Promise<Exported> => {
			const rows = await rowsOf(note, index);
			const numbers = rows.map(episodeAt);
			const steps = rows.map((row, i) => row - (episodes[numbers[i] as number]?.start ?? 0));
			return { ...note, rows, episodes: numbers, steps };
		}),
	);
	return { retinoscope_notes: 1, identity: index.identity, title: index.title, notes: exported };
}

/** One line for each moment; a note without moments has one too. */
export function tableOf(file: NotesFile): (string | number | null)[][] {
	const table: (string | number | null)[][] = [
		["note", "text", "created", "unit", "selection", "row", "episode", "step"],
	];
	file.notes.forEach(({ text, created, unit, selection, rows, episodes, steps }, number) => {
		const shared = [number, text, created, unit, selection];
		if (rows.length === 0) table.push([...shared, null, null, null]);
		rows.forEach((row, i) => {
			table.push([...shared, row, episodes[i] ?? null, steps[i] ?? null]);
		});
	});
	return table;
}

/** Notes of a file, of these data only: of others the same address shows other moments. */
export function notesIn(text: string, index: Index): Note[] {
	let read: unknown;
	try {
		read = JSON.parse(text);
	} catch {
		throw new BadNotes("This file is no JSON, so it holds no notes.");
	}
	const file = read as Partial<NotesFile> | null;
	if (file?.retinoscope_notes !== 1 || !Array.isArray(file.notes))
		throw new BadNotes("This file holds no notes of Retinoscope.");
	if (file.identity !== index.identity)
		throw new BadNotes(`These notes are of other data${file.title ? ` ("${String(file.title)}")` : ""}.`);
	return listOf(file.notes, index.recording?.rows ?? 0);
}

/** What is a note among things that may be anything. */
export function listOf(things: readonly unknown[], rows: number): Note[] {
	return things.flatMap((thing) => {
		const note = (typeof thing === "object" && thing !== null ? thing : {}) as Record<string, unknown>;
		const text = (name: string): string => (typeof note[name] === "string" ? (note[name] as string) : "");
		if (!text("text") || !text("address").startsWith("#")) return [];
		const row = note.moment;
		const moment = typeof row === "number" && Number.isInteger(row) && row >= 0 && row < rows ? row : null;
		return [
			{
				text: text("text"),
				created: text("created"),
				address: text("address"),
				selection: text("selection"),
				moment,
				unit: text("unit"),
			},
		];
	});
}
