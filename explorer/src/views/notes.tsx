/** Findings: a sentence about a selection or a moment, kept in this browser, exported for others and for Python. */

import { effect, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Index } from "../data/schema";
import { keep, recall } from "../parts/keeping";
import { save, saveCsv } from "../parts/saving";
import { View } from "../parts/view";
import { count, sayMoment } from "../parts/words";
import {
	address,
	choose,
	chosen,
	episodeAt,
	index,
	isPlaying,
	moment,
	readAddress,
	recording,
	selected,
	selection,
	unit,
} from "../state";
import "./notes.css";
import { fileOf, listOf, type Note, notesIn, tableOf } from "./notes-file";
import { CopyLink } from "./notes-link";

const notes = signal<Note[]>([]);
const draft = signal("");
const message = signal("");
/** Of which data `notes` are. */
let known = "";
/** The tab that was open before this one: a link to a finding shows it, not the notes. */
let tabBefore = "";
effect(() => {
	const tab = chosen.value.tab ?? "";
	if (tab !== "notes") tabBefore = tab;
});

const placeOf = (all: Index): string => `retinoscope-notes:${all.identity}`;

function bring(all: Index): void {
	if (known === all.identity) return;
	known = all.identity;
	try {
		const stored: unknown = JSON.parse(recall(placeOf(all)) ?? "[]");
		notes.value = Array.isArray(stored) ? listOf(stored, all.recording?.rows ?? 0) : [];
	} catch {
		notes.value = [];
	}
}

function put(all: Index, now: Note[]): void {
	notes.value = now;
	message.value = keep(placeOf(all), JSON.stringify(now))
		? ""
		: "This browser keeps nothing here: notes are gone when the page closes. Export them.";
}

/** A note of what is picked now. */
export function noteOf(text: string, created: string): Note {
	const parts = new URLSearchParams(address());
	if (tabBefore) parts.set("view.tab", tabBefore);
	else parts.delete("view.tab");
	return {
		text,
		created,
		address: `#${parts.toString()}`,
		selection: selection.value,
		moment: recording.value ? moment.value : null,
		unit: unit.value ? `${unit.value.layer}/${unit.value.unit}` : "",
	};
}

export function Notes() {
	const all = index.value;
	const file = useRef<HTMLInputElement>(null);
	useEffect(() => {
		if (all) bring(all);
	}, [all]);
	if (!all) return <View name="notes" title="Notes" />;
	const add = () => {
		const text = draft.value.trim();
		if (!text) return;
		put(all, [...notes.value, noteOf(text, new Date().toISOString())]);
		draft.value = "";
	};
	const complain = (error: Error) => {
		message.value = error.message;
	};
	const bringIn = async (chosenFile: File | undefined) => {
		if (!chosenFile) return;
		try {
			const found = notesIn(await chosenFile.text(), all);
			const before = new Set(notes.value.map((each) => each.created + each.text));
			put(all, [...notes.value, ...found.filter((each) => !before.has(each.created + each.text))]);
		} catch (error) {
			complain(error as Error);
		}
	};
	const downloads = [
		{
			format: "JSON",
			run: () =>
				fileOf(notes.value, all).then(
					(made) => save("notes.json", "application/json", `${JSON.stringify(made, null, "\t")}\n`),
					complain,
				),
		},
		{ format: "CSV", run: () => fileOf(notes.value, all).then((made) => saveCsv("notes", tableOf(made)), complain) },
	];
	return (
		<View
			name="notes"
			title="Notes"
			settings={
				<>
					<CopyLink />
					<button type="button" onClick={() => file.current?.click()}>
						Import JSON
					</button>
					<input
						ref={file}
						type="file"
						accept="application/json,.json"
						hidden
						aria-label="File of notes"
						onChange={(event) => {
							bringIn(event.currentTarget.files?.[0]);
							event.currentTarget.value = "";
						}}
					/>
				</>
			}
			downloads={notes.value.length ? downloads : []}
			fault={message.value}
		>
			<form
				class="note-form"
				onSubmit={(event) => {
					event.preventDefault();
					add();
				}}
			>
				<label for="note-text">
					About <strong>{sayWhat()}</strong>
				</label>
				<textarea
					id="note-text"
					rows={2}
					value={draft.value}
					placeholder="What you found, in a sentence"
					onInput={(event) => {
						draft.value = event.currentTarget.value;
					}}
					onKeyDown={(event) => {
						if (event.key === "Escape") event.currentTarget.blur();
						if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
						event.preventDefault();
						add();
					}}
				/>
				<button type="submit" disabled={!draft.value.trim()}>
					Keep this note
				</button>
			</form>
			<List all={all} />
		</View>
	);
}

function List({ all }: { all: Index }) {
	if (notes.value.length === 0)
		return (
			<p class="soft">
				No notes yet. A note keeps what is picked now: moment, selection, unit, and how the views are set. In Python{" "}
				<code>retinoscope.load_notes("notes.json")</code> reads them.
			</p>
		);
	return (
		<ol class="notes">
			{notes.value.map((note, number) => (
				<li key={`${note.created} ${note.text}`}>
					<button type="button" class="note-open" title="Show this again" onClick={() => open(note)}>
						{note.text}
					</button>
					<span class="soft note-about">{sayNote(note, all)}</span>
					<CopyLink address={note.address.slice(1)} />
					<button
						type="button"
						aria-label={`Delete the note: ${note.text}`}
						onClick={() =>
							put(
								all,
								notes.value.filter((_, i) => i !== number),
							)
						}
					>
						Delete
					</button>
				</li>
			))}
		</ol>
	);
}

/** The notes stay open, so that one after the other can be looked at. */
function open(note: Note): void {
	isPlaying.value = false;
	readAddress(note.address);
	choose("tab", "notes");
}

/** What a note would be about now. */
function sayWhat(): string {
	const parts: string[] = [];
	if (selected.value) parts.push(`${count(selected.value.length)} selected moments`);
	else if (recording.value) parts.push(sayMoment(recording.value, episodeAt(moment.value), moment.value));
	if (unit.value) parts.push(`${unit.value.layer} ${unit.value.unit}`);
	return parts.join(", ") || "this page";
}

function sayNote(note: Note, all: Index): string {
	const parts: string[] = [];
	if (note.selection) parts.push("a selection");
	else if (note.moment !== null && all.recording)
		parts.push(sayMoment(all.recording, episodeAt(note.moment), note.moment));
	if (note.unit) parts.push(note.unit.replace("/", " "));
	const day = new Date(note.created);
	if (!Number.isNaN(day.getTime()))
		parts.push(day.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }));
	return parts.join(" · ");
}
