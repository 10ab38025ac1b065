/** Lists of examples of the picked unit, as an analysis made them, with what moved it over the frames. */

import { useEffect, useState } from "preact/hooks";
import { readColumn, readRows, readUnit } from "../data/loading";
import type { ExamplesPanel, Recording } from "../data/schema";
import { useAnswer } from "../parts/asking";
import { Caption } from "../parts/caption";
import { Part } from "../parts/part";
import { saveCsv } from "../parts/saving";
import { type Saliency, Strip } from "../parts/strip";
import { stripsDownload } from "../parts/strips_saving";
import { Verdict } from "../parts/verdict";
import { Select } from "../parts/view";
import { count, say, sayMoment } from "../parts/words";
import { named } from "../selection";
import { choose, chosen, episodeAt, goTo, layerOf, panelsOf, recording, select } from "../state";
import type { PickedUnit } from "./unit";
import { saliencyOf } from "./unit-moments";

const FIRST = 6;
const FRAMES = 5;
const plain = (name: string): string => name.replaceAll("_", " ");

export interface Example {
	sample: number;
	start: number;
	/** At the gradient step. */
	activity: number;
}

/** The samples of a list by their activity at the gradient step: rising in a list of low ones, else falling. */
export function inOrder(
	listed: ArrayLike<number>,
	starts: ArrayLike<number>,
	activity: ArrayLike<number>,
	step: number,
	level: string,
): Example[] {
	const found: Example[] = [];
	for (let sample = 0; sample < listed.length; sample++) {
		if (!listed[sample]) continue;
		const start = starts[sample] as number;
		found.push({ sample, start, activity: activity[start + step] ?? Number.NaN });
	}
	const sign = level.startsWith("low") ? 1 : -1;
	const size = ({ activity: value }: Example) => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : sign * value);
	return found.sort((a, b) => size(a) - size(b) || a.sample - b.sample);
}

/** Steps of a sample that are shown: the gradient step, and others evenly before and after. */
export function stepsShown(steps: number, gradientStep: number, most: number): number[] {
	const apart = Math.max(1, Math.ceil(steps / most));
	const found: number[] = [];
	for (let step = gradientStep % apart; step < steps; step += apart) found.push(step);
	return found;
}

export function UnitExamples(picked: PickedUnit) {
	const panels = panelsOf("examples").filter((each) => each.layer === picked.layer);
	const panel = panels.find((each) => each.name === chosen.value.examples) ?? panels[0];
	if (!panel) return null;
	const choices = panels.map((each) => ({ value: each.name, title: each.title }));
	return (
		<Examples panel={panel} {...picked}>
			{panels.length > 1 && (
				<Select label="Lists" value={panel.name} options={choices} onPick={(name) => choose("examples", name)} />
			)}
		</Examples>
	);
}

interface Props extends PickedUnit {
	panel: ExamplesPanel;
	children: preact.ComponentChildren;
}

function Examples({ panel, layer, unit, width, children }: Props) {
	const keys = panel.lists.map(({ scope, level }) => ({ value: `${scope}:${level}`, scope, level }));
	const key =
		keys.find((each) => each.value === chosen.value.list) ??
		keys.find((each) => each.scope === "gradient_step") ??
		keys[0];
	const list = panel.lists.find((each) => each.scope === key?.scope && each.level === key?.level);
	const of = layerOf(layer);
	const { value, fault } = useAnswer(async () => {
		if (!list || !of || unit >= list.listed.rows) return [];
		const [listed, starts, activity] = await Promise.all([
			readRows(list.listed, unit, unit + 1),
			readColumn(panel.samples),
			readUnit(of.activity, unit),
		]);
		return inOrder(listed, starts, activity, panel.gradient_step, list.level);
	}, [list, of, unit]);
	const [shown, setShown] = useState(FIRST);
	useEffect(() => setShown(FIRST), [list, unit]);
	const known = recording.value;
	if (!known || !key) return null;
	const found = value ?? [];
	const saliency = saliencyOf(layer, unit);
	const file = `${layer}-${unit}-${panel.name}-${key.scope}-${key.level}`;
	const strips = found.slice(0, shown).map((each) => ({
		title: `${Number.isNaN(each.activity) ? "" : `${say(each.activity)}, `}${titleOf(each, panel, known)}`,
		rows: framesOf(each, panel),
		marked: each.start + panel.gradient_step,
	}));
	const csv = () =>
		saveCsv(file, [
			["sample", "name", "first moment", "gradient step", "activity there"],
			...found.map((each) => [
				each.sample,
				panel.names[each.sample] ?? "",
				each.start,
				each.start + panel.gradient_step,
				each.activity,
			]),
		]);
	return (
		<Part
			title={panel.title}
			note={value ? `${count(found.length)} of ${count(panel.samples.rows)} samples` : ""}
			fault={fault}
			downloads={[{ format: "CSV", run: csv }, ...stripsDownload(file, known.frames, saliency, strips)]}
		>
			<div class="unit-settings">
				{children}
				<Select
					label="List"
					value={key.value}
					options={keys.map((each) => ({ value: each.value, title: `${plain(each.level)}, ${plain(each.scope)}` }))}
					onPick={(picked) => choose("list", picked)}
				/>
				<button
					type="button"
					disabled={found.length === 0}
					onClick={() => select(`examples:${named(panel.name)}:${unit}:${named(key.scope)}:${named(key.level)}`)}
				>
					Select all {count(found.length)}
				</button>
			</div>
			{saliency && <Verdict {...saliency.target} />}
			{value && found.length === 0 && <p class="line">No sample is in this list.</p>}
			<ol class="strips">
				{found.slice(0, shown).map((each) => (
					<Sample key={each.sample} example={each} panel={panel} known={known} saliency={saliency} width={width} />
				))}
			</ol>
			{found.length > shown && (
				<button type="button" onClick={() => setShown(shown + 2 * FIRST)}>
					Show more ({count(found.length - shown)} left)
				</button>
			)}
			<p class="caption">
				{of?.activity.rows
					? "Ordered by the activity at the gradient step"
					: "In the order of the samples; the framed one is the gradient step"}{" "}
				(step {panel.gradient_step} of 0 to {panel.steps - 1}
				{of?.activity.rows ? ", framed" : ""}).
			</p>
			<Caption text={panel.caption} />
		</Part>
	);
}

function titleOf({ sample, start }: Example, panel: ExamplesPanel, known: Recording): string {
	const row = start + panel.gradient_step;
	const at = sayMoment(known, episodeAt(row), row);
	return panel.names[sample] ? `${panel.names[sample]}: ${at}` : at;
}

/** Moments whose frames are shown. */
const framesOf = ({ start }: Example, panel: ExamplesPanel): number[] =>
	stepsShown(panel.steps, panel.gradient_step, FRAMES).map((step) => start + step);

interface SampleProps {
	example: Example;
	panel: ExamplesPanel;
	known: Recording;
	saliency: Saliency | null;
	width: number;
}

function Sample({ example, panel, known, saliency, width }: SampleProps) {
	const row = example.start + panel.gradient_step;
	const at = sayMoment(known, episodeAt(row), row);
	return (
		<li>
			<div class="strip-line">
				{!Number.isNaN(example.activity) && <strong>{say(example.activity)}</strong>}
				<button type="button" class="strip-go" onClick={() => goTo(row)} title={`Go to ${at}`}>
					{titleOf(example, panel, known)}
				</button>
				<button
					type="button"
					aria-label={`Select sample ${example.sample}`}
					onClick={() => select(`rows:${example.start}-${example.start + panel.steps - 1}`)}
				>
					Select
				</button>
			</div>
			{known.frames && (
				<Strip
					frames={known.frames}
					rows={framesOf(example, panel)}
					marked={row}
					saliency={saliency}
					width={width}
					label={`Go to ${at}`}
					onPick={goTo}
				/>
			)}
		</li>
	);
}
