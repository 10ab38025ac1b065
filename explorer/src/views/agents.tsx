/** The same moment or image before two agents, side by side: what each would do, expect and hold. */

import { useEffect, useMemo, useRef } from "preact/hooks";
import { placeOf, readColumn, readRows, readSheet } from "../data/loading";
import type { AgentsPanel, Column, Pictures } from "../data/schema";
import { actAlike, distances, mostApart } from "../parts/apart";
import { useAnswer } from "../parts/asking";
import { Caption } from "../parts/caption";
import { canvasOf, paintField } from "../parts/fields";
import { saveCsv } from "../parts/saving";
import { Select, View } from "../parts/view";
import { say } from "../parts/words";
import { choose, chosen, goTo, panelsOf, recording } from "../state";
import { barsOf, HeadTable } from "./player-outputs";
import "./agents.css";

type Agent = AgentsPanel["agents"][number];
const WIDTH = 200;
const ACROSS = 32;
const CELL = 5;

export function Agents() {
	const panels = panelsOf("agents");
	const panel = panels.find((each) => each.name === chosen.value["agents.panel"]) ?? panels[0];
	return panel ? <Compared key={panel.name} panel={panel} panels={panels} /> : null;
}

function Compared({ panel, panels }: { panel: AgentsPanel; panels: AgentsPanel[] }) {
	const told = (name: string) => chosen.value[`agents.${name}`] ?? "";
	const set = (name: string) => (value: string) => choose(`agents.${name}`, value);
	const named = (name: string) => panel.agents.find((each) => each.name === name);
	const first = (named(told("first")) ?? panel.agents[0]) as Agent;
	const second = (named(told("second")) ?? panel.agents.find((each) => each !== first)) as Agent;
	const count = panel.names.length;
	const found = useAnswer(() => apartOf(panel, first, second), [panel, first, second]);
	const isByDistance = told("order") === "apart" && found.value !== null;
	const order = useMemo(
		() => (isByDistance && found.value ? mostApart(found.value) : Array.from({ length: count }, (_, i) => i)),
		[isByDistance, found.value, count],
	);
	const asked = Number(told("stimulus") || order[0]);
	const stimulus = Number.isInteger(asked) && asked >= 0 && asked < count ? asked : 0;
	const at = order.indexOf(stimulus);
	const go = (place: number) => set("stimulus")(String(order[Math.min(Math.max(place, 0), count - 1)]));
	const distance = found.value?.[stimulus] ?? Number.NaN;
	const agents = panel.agents.map((each) => ({ value: each.name, title: each.name }));
	const csv = () =>
		found.value &&
		saveCsv(`${panel.name}-distance`, [
			["stimulus", "first", "second", "distance of action probabilities"],
			...Array.from(found.value, (each, row) => [panel.names[row] ?? "", first.name, second.name, each]),
		]);
	const settings = (
		<>
			{panels.length > 1 && (
				<Select
					label="Shown"
					value={panel.name}
					options={panels.map((each) => ({ value: each.name, title: each.title }))}
					onPick={(name) => {
						set("stimulus")("");
						set("panel")(name);
					}}
				/>
			)}
			<Select label="Left" value={first.name} options={agents} onPick={set("first")} />
			<Select label="Right" value={second.name} options={agents} onPick={set("second")} />
			{found.value && (
				<Select
					label="Order"
					value={isByDistance ? "apart" : "time"}
					options={[
						{ value: "time", title: "as they were shown" },
						{ value: "apart", title: "where they differ most first" },
					]}
					onPick={(value) => {
						set("order")(value);
						set("stimulus")(value === "apart" && found.value ? String(mostApart(found.value)[0]) : "0");
					}}
				/>
			)}
		</>
	);
	return (
		<View
			name="agents"
			title="Two agents, one stimulus"
			settings={settings}
			fault={found.fault}
			downloads={found.value ? [{ format: "CSV", run: csv }] : []}
		>
			<div class="agents-stimulus">
				<Seen pictures={panel.pictures} number={stimulus} label={`${panel.names[stimulus]}, as both saw it`} />
				<div>
					<p aria-live="polite">
						<strong>{panel.names[stimulus]}</strong> <span class="soft">({`${at + 1} of ${count}`})</span>
					</p>
					<p class="agents-walk">
						<button type="button" onClick={() => go(at - 1)} disabled={at <= 0}>
							Back
						</button>
						<input
							type="range"
							min={0}
							max={count - 1}
							value={at}
							aria-label="Stimulus"
							onInput={(event) => go(Number(event.currentTarget.value))}
						/>
						<button type="button" onClick={() => go(at + 1)} disabled={at >= count - 1}>
							Next
						</button>
						{panel.rows && recording.value && (
							<button type="button" onClick={() => showMoment(panel.rows as Column, stimulus)}>
								Show in the player
							</button>
						)}
					</p>
					{!Number.isNaN(distance) && (
						<p>
							Distance of their action probabilities: <strong>{distance.toFixed(2)}</strong>{" "}
							<span class="soft">(0: the same, 1: never the same action)</span>
						</p>
					)}
				</div>
			</div>
			<div class="agents-both">
				{[first, second].map((agent, side) => (
					<OneAgent key={`${side}${agent.name}`} agent={agent} stimulus={stimulus} />
				))}
			</div>
			<p class="soft line">
				Layers: each cell is a unit, or the mean of a map, in its own order; blue below zero, red above, in the range of
				all stimuli of that agent.
			</p>
			<Caption text={panel.caption} />
		</View>
	);
}

async function showMoment(rows: Column, stimulus: number): Promise<void> {
	const [row] = await readRows(rows, stimulus, stimulus + 1);
	if (row !== undefined) goTo(row);
}

async function apartOf(panel: AgentsPanel, first: Agent, second: Agent): Promise<Float32Array | null> {
	if (first === second || !actAlike(first, second)) return null;
	const [one, other] = await Promise.all([first, second].map((each) => readColumn(each.outputs as Column)));
	const found = distances(first, one as ArrayLike<number>, other as ArrayLike<number>, panel.names.length);
	return found.every(Number.isNaN) ? null : found;
}

function OneAgent({ agent, stimulus }: { agent: Agent; stimulus: number }) {
	const { value, fault } = useAnswer(async () => {
		const row = (column: Column | null) => (column ? readRows(column, stimulus, stimulus + 1) : null);
		const [outputs, critic] = await Promise.all([row(agent.outputs), row(agent.value)]);
		const layers = await Promise.all(agent.responses.map((each) => readRows(each.values, stimulus, stimulus + 1)));
		return { outputs, critic, layers };
	}, [agent, stimulus]);
	return (
		<section class="agents-one" aria-label={agent.name}>
			<h3>{agent.name}</h3>
			{fault && <p class="fault">{fault}</p>}
			{value?.outputs && (
				<div class="outputs">
					{barsOf(agent.heads, value.outputs, null).map((bars, i) => {
						const head = agent.heads[i];
						return head && <HeadTable key={head.name} head={head} bars={bars} />;
					})}
				</div>
			)}
			{value?.critic && (
				<p class="agents-value">
					Value <strong>{say(value.critic[0] ?? Number.NaN)}</strong>
				</p>
			)}
			{value?.layers.map((numbers, i) => {
				const each = agent.responses[i];
				return each && <Units key={each.layer} layer={each.layer} column={each.values} numbers={numbers} />;
			})}
		</section>
	);
}

/** A cell for each unit, line by line. */
function Units({ layer, column, numbers }: { layer: string; column: Column; numbers: Float32Array }) {
	const place = useRef<HTMLCanvasElement>(null);
	const lines = Math.ceil(column.width / ACROSS);
	const across = Math.min(ACROSS, column.width);
	useEffect(() => {
		const canvas = place.current;
		const pen = canvas?.getContext("2d");
		if (!canvas || !pen) return;
		const scale = Math.max(Math.abs(column.low?.[0] ?? 0), Math.abs(column.high?.[0] ?? 0));
		const padded = new Float32Array(lines * across).fill(Number.NaN);
		padded.set(numbers.subarray(0, lines * across));
		const shape = { height: lines, width: across, channels: 1 };
		canvas.width = across;
		canvas.height = lines;
		pen.drawImage(canvasOf(paintField(padded, shape, 0, true, scale), across, lines), 0, 0);
	}, [numbers, column]);
	return (
		<figure class="agents-units">
			<figcaption>
				{layer} <span class="soft">({column.width})</span>
			</figcaption>
			<canvas
				ref={place}
				role="img"
				aria-label={`Activity of the ${column.width} units of ${layer}`}
				style={{ width: `${across * CELL}px`, height: `${lines * CELL}px` }}
			/>
		</figure>
	);
}

function Seen({ pictures, number, label }: { pictures: Pictures; number: number; label: string }) {
	const place = useRef<HTMLCanvasElement>(null);
	const at = placeOf(pictures, number);
	const { value } = useAnswer(() => readSheet(pictures, at.sheet), [pictures, at.sheet]);
	useEffect(() => {
		const canvas = place.current;
		const pen = canvas?.getContext("2d");
		if (!canvas || !pen || !value) return;
		canvas.width = pictures.width;
		canvas.height = pictures.height;
		pen.drawImage(value, at.left, at.top, pictures.width, pictures.height, 0, 0, pictures.width, pictures.height);
	}, [value, number]);
	const height = Math.round((WIDTH * pictures.height) / pictures.width);
	return (
		<canvas
			class="agents-seen"
			ref={place}
			role="img"
			aria-label={label}
			style={{ width: `${WIDTH}px`, height: `${height}px` }}
		/>
	);
}
