/** What the unit's activity goes with: value and every variable of the world. */

import { readColumn, readUnit } from "../data/loading";
import type { Column, Recording } from "../data/schema";
import { useAnswer } from "../parts/asking";
import { Part } from "../parts/part";
import { saveCsv } from "../parts/saving";
import { type Correlation, correlate } from "../parts/statistics";
import { count } from "../parts/words";
import { layerOf, recording, selected } from "../state";
import type { PickedUnit } from "./unit";

export interface Correlate {
	title: string;
	all: Correlation;
	selected: Correlation | null;
}

interface Quantity {
	title: string;
	column: Column;
	/** Which number of a row, and what is made of it. */
	at: number;
	of: (value: number) => number;
}

const same = (value: number): number => value;
const radians = Math.PI / 180;

/** A heading, degrees, has no beginning and no end: its cosine and its sine stand for it. */
export function quantitiesOf(known: Recording): Quantity[] {
	const found: Quantity[] = [];
	if (known.value) found.push({ title: "value", column: known.value, at: 0, of: same });
	if (known.reward) found.push({ title: "reward", column: known.reward, at: 0, of: same });
	for (const { title, labels, kind, column } of known.variables)
		for (let at = 0; at < column.width; at++) {
			const name = column.width > 1 ? `${title}, ${labels[at] ?? at + 1}` : title;
			if (kind !== "heading") found.push({ title: name, column, at, of: same });
			else
				found.push(
					{ title: `${name} (cosine)`, column, at, of: (value) => Math.cos(value * radians) },
					{ title: `${name} (sine)`, column, at, of: (value) => Math.sin(value * radians) },
				);
		}
	return found;
}

async function correlatesOf(known: Recording, activity: Float32Array, rows: Int32Array | null): Promise<Correlate[]> {
	const found: Correlate[] = [];
	// One after the other: a long recording has more variables than may be in memory at once.
	for (const { title, column, at, of } of quantitiesOf(known)) {
		const numbers = await readColumn(column);
		const isPlain = of === same && column.width === 1;
		const one = isPlain
			? numbers
			: Float32Array.from(activity, (_, row) => of(numbers[row * column.width + at] as number));
		found.push({ title, all: correlate(activity, one, null), selected: rows && correlate(activity, one, rows) });
	}
	const size = ({ all }: Correlate) => (Number.isNaN(all.r) ? -1 : Math.abs(all.r));
	return found.sort((a, b) => size(b) - size(a));
}

export function UnitCorrelates({ layer, unit }: PickedUnit) {
	const [known, rows, of] = [recording.value, selected.value, layerOf(layer)];
	const { value, fault } = useAnswer(
		async () => (known && of ? correlatesOf(known, await readUnit(of.activity, unit), rows) : []),
		[known, of, unit, rows],
	);
	const found = value ?? [];
	const most = Math.max(0, ...found.map((each) => each.all.n));
	const csv = () =>
		saveCsv(`${layer}-${unit}-correlates`, [
			["quantity", "r", "n", "r in the selection", "n in the selection"],
			...found.map((each) => [each.title, each.all.r, each.all.n, each.selected?.r ?? null, each.selected?.n ?? null]),
		]);
	return (
		<Part
			title="Goes with"
			note={`n = ${count(most)}${rows ? `, ${count(rows.length)} selected` : ""}`}
			fault={fault}
			downloads={[{ format: "CSV", run: csv }]}
		>
			{value && found.length === 0 && <p class="line">This recording has no value and no variables.</p>}
			{found.length > 0 && (
				<table class="correlates">
					<thead>
						<tr>
							<th scope="col">Quantity</th>
							<th scope="col">Correlation</th>
							<th scope="col">all</th>
							{rows && <th scope="col">selection</th>}
						</tr>
					</thead>
					<tbody>
						{found.map((each) => (
							<tr key={each.title}>
								<th scope="row">{each.title}</th>
								<td class="correlate-bars">
									<Bar r={each.all.r} kind="all" />
									{each.selected && <Bar r={each.selected.r} kind="selected" />}
								</td>
								<R {...each.all} expected={most} />
								{rows && each.selected && <R {...each.selected} expected={rows.length} />}
							</tr>
						))}
					</tbody>
				</table>
			)}
			{found.length > 0 && (
				<p class="caption">
					Pearson's r, bars from −1 to 1. Decisions that follow one another are not independent, so there is no p-value.
				</p>
			)}
		</Part>
	);
}

function Bar({ r, kind }: { r: number; kind: string }) {
	const size = Number.isNaN(r) ? 0 : Math.abs(r) * 50;
	const style = { left: `${r < 0 ? 50 - size : 50}%`, width: `${size}%` };
	return (
		<span class={`correlate-bar bar-of-${kind}`} aria-hidden="true">
			<span style={style} />
		</span>
	);
}

/** Where a number is missing at some moments, its own n. */
function R({ r, n, expected }: Correlation & { expected: number }) {
	const text = Number.isNaN(r)
		? "–"
		: r
				.toFixed(2)
				.replace(/^-0\.00$/, "0.00")
				.replace("-", "−");
	return (
		<td title={Number.isNaN(r) ? "One of the two does not vary, or there are fewer than three moments" : `n = ${n}`}>
			{text}
			{n < expected && <small> ({count(n)})</small>}
		</td>
	);
}
