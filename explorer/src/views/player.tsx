/** One moment: what the network saw, what it made of it, what it did, and what happened. */

import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { EventClass, Recording } from "../data/schema";
import { useAnswer } from "../parts/asking";
import { keepTime, shown } from "../parts/playing";
import { chosenMap } from "../parts/saliency";
import { saveCsv, savePng } from "../parts/saving";
import { useSize } from "../parts/screen";
import { Empty, View } from "../parts/view";
import { say } from "../parts/words";
import { named } from "../selection";
import { choose, chosen, episodeAt, index, moment, recording, select } from "../state";
import "./player.css";
import { type Facts, factsAt, prefetch } from "./player-facts";
import { barsOf, Outputs } from "./player-outputs";
import { Picture } from "./player-picture";
import { SaliencyNote, SaliencySelect } from "./player-saliency";
import { Transport } from "./player-transport";

/** Of the view's height. */
const PICTURE_SHARE = 0.5;

export function Player() {
	const known = recording.value;
	if (known && known.rows > 0) return <Playing known={known} />;
	return (
		<View name="player" title="Player">
			<Empty what="No behaviour was recorded." advice={index.value?.advice.recording} />
		</View>
	);
}

function Playing({ known }: { known: Recording }) {
	const body = useRef<HTMLDivElement>(null);
	const canvas = useRef<HTMLCanvasElement>(null);
	const { width, height, density } = useSize(body);
	const row = moment.value;
	const choice = chosenMap();
	const { value: facts } = useAnswer(() => factsAt(known, row, choice?.target ?? null), [known, row, choice?.target]);
	useEffect(keepTime, []);
	useLayoutEffect(() => {
		if (!facts) return;
		shown.value = facts.row;
		prefetch(known, facts.row);
	}, [facts]);
	const hasBoxes = chosen.value.boxes !== "no";
	const downloads = [{ format: "CSV", run: () => facts && saveCsv(`moment-${facts.row}`, tableOf(known, facts)) }];
	const picture = { format: "PNG", run: () => canvas.current && savePng(`moment-${row}`, canvas.current) };
	return (
		<View
			name="player"
			title="Player"
			settings={
				<>
					<SaliencySelect />
					{known.frames && known.objects && (
						<label class="boxes">
							<input
								type="checkbox"
								checked={hasBoxes}
								onChange={(event) => choose("boxes", event.currentTarget.checked ? "" : "no")}
							/>{" "}
							Boxes
						</label>
					)}
				</>
			}
			downloads={known.frames ? [...downloads, picture] : downloads}
			fault={facts?.faults.join(" ") ?? ""}
		>
			<div class="player-body" ref={body}>
				{known.frames ? (
					<div class="player-picture">
						<Picture
							facts={facts}
							frames={known.frames}
							map={choice?.panel ?? null}
							hasBoxes={hasBoxes}
							room={{ width, height: height * PICTURE_SHARE, density }}
							label={sayPicture(known, facts)}
							canvas={canvas}
						/>
					</div>
				) : (
					<Empty what="Frames were not recorded." advice={index.value?.advice.frames} />
				)}
				<Transport known={known} />
				<Where known={known} row={row} />
				{/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys too */}
				<section class="player-facts" tabIndex={0} aria-label="Numbers of this moment">
					<SaliencyNote facts={facts} />
					{facts && <What known={known} events={facts.events} />}
					{facts && <Outputs heads={known.heads} outputs={facts.outputs} actions={facts.actions} />}
					{facts && <Numbers known={known} facts={facts} />}
				</section>
			</div>
		</View>
	);
}

/** Which episode and decision this is, and how the episode ends. */
function Where({ known, row }: { known: Recording; row: number }) {
	const number = episodeAt(row);
	const episode = known.episodes[number] ?? { start: 0, stop: known.rows, ending: "" };
	const seconds = known.seconds_per_decision;
	const step = row - episode.start;
	const isLast = row === episode.stop - 1;
	return (
		<p class="player-where">
			<span>
				<strong>Episode {number}</strong>, decision {step} of {episode.stop - episode.start}
				{seconds !== null && `, ${(step * seconds).toFixed(1)} s`}
			</span>
			<span class={isLast ? "ending now" : "ending"} title="How this episode ended">
				{episode.ending || "the recording ended first"}
			</span>
		</p>
	);
}

function What({ known, events }: { known: Recording; events: EventClass[] }) {
	if (known.events.length === 0) return null;
	return (
		<p class="player-events">
			{events.length === 0 && <span class="soft">No {known.words.event || "event"} at this moment</span>}
			{events.map(({ name, valence }) => (
				<button
					key={name}
					type="button"
					class={valence ? (valence > 0 ? "good" : "bad") : "other"}
					title={`Select every moment with ${name}`}
					onClick={() => select(`event:${named(name)}:0:0`)}
				>
					{valence ? (valence > 0 ? "▲" : "▼") : "●"} {name}
				</button>
			))}
		</p>
	);
}

function Numbers({ known, facts }: { known: Recording; facts: Facts }) {
	const rows: { name: string; numbers: string; units: string; isLong?: boolean }[] = [];
	if (known.value) rows.push({ name: "Value", numbers: sayAll(facts.value), units: "" });
	if (known.reward) rows.push({ name: "Reward", numbers: sayAll(facts.reward), units: "" });
	known.variables.forEach(({ title, labels, units }, i) => {
		const numbers = facts.variables[i];
		const said = numbers
			? [...numbers].map((each, n) => `${labels[n] ? `${labels[n]} ` : ""}${say(each)}`).join(", ")
			: "damaged";
		rows.push({ name: title, numbers: said, units, isLong: labels.length > 1 });
	});
	return (
		<dl class="player-numbers">
			{rows.map(({ name, numbers, units, isLong }) => (
				<div key={name} class={isLong ? "long" : ""}>
					<dt>{name}</dt>
					<dd>
						{numbers} <span class="soft">{units}</span>
					</dd>
				</div>
			))}
		</dl>
	);
}

const sayAll = (value: number | null): string => (value === null ? "damaged" : say(value));

function sayPicture(known: Recording, facts: Facts | null): string {
	if (!facts) return "Frame";
	const number = episodeAt(facts.row);
	const objects = facts.objects.map((each) => each.name);
	const view = known.objects ? `; in view: ${objects.length ? objects.join(", ") : "nothing"}` : "";
	return `Frame of episode ${number}, decision ${facts.row - (known.episodes[number]?.start ?? 0)}${view}`;
}

/** Everything that is shown of a moment, as name, number, units. */
function tableOf(known: Recording, facts: Facts): (string | number | null)[][] {
	const number = episodeAt(facts.row);
	const table: (string | number | null)[][] = [
		["name", "number", "units"],
		["row", facts.row, ""],
		["episode", number, ""],
		["step", facts.row - (known.episodes[number]?.start ?? 0), "decisions"],
	];
	if (known.value) table.push(["value", facts.value, ""]);
	if (known.reward) table.push(["reward", facts.reward, ""]);
	barsOf(known.heads, facts.outputs, facts.actions).forEach((bars, i) => {
		const head = known.heads[i]?.name ?? "";
		for (const bar of bars) {
			table.push([`${head}: ${bar.name}`, bar.number, known.heads[i]?.kind === "choice" ? "probability" : ""]);
			if (bar.isTaken) table.push([`${head}: taken`, bar.name, ""]);
			if (bar.taken !== null) table.push([`${head}: ${bar.name} taken`, bar.taken, ""]);
		}
	});
	known.variables.forEach(({ name, labels, units }, i) => {
		for (const [n, value] of (facts.variables[i] ?? []).entries())
			table.push([labels[n] ? `${name} ${labels[n]}` : name, value, units]);
	});
	for (const { name } of facts.events) table.push(["event", name, ""]);
	for (const { name, distance } of facts.objects)
		table.push([`in view: ${name}`, distance, known.objects?.distance_units ?? ""]);
	return table;
}
