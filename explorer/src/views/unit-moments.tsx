/** The unit's highest, middle and lowest moments, found in the page. */

import { useMemo } from "preact/hooks";
import { readUnit } from "../data/loading";
import type { Recording } from "../data/schema";
import { useAnswer } from "../parts/asking";
import { APART, around, type Level, tellingMoments } from "../parts/moments";
import { Part } from "../parts/part";
import { saveCsv } from "../parts/saving";
import { medianOf } from "../parts/statistics";
import { type Saliency, Strip } from "../parts/strip";
import { stripsDownload } from "../parts/strips_saving";
import { Select } from "../parts/view";
import { say, sayMoment } from "../parts/words";
import { recipeOfRows } from "../selection";
import { choose, chosen, episodeAt, goTo, layerOf, panelsOf, recording, select } from "../state";
import { Advice, type PickedUnit } from "./unit";

const WANTED = 6;
const OFFSETS = [-4, -2, 0, 2, 4];
const LEVELS: { level: Level; title: string }[] = [
	{ level: "high", title: "highest" },
	{ level: "middle", title: "nearest to the median" },
	{ level: "low", title: "lowest" },
];

export function UnitMoments({ layer, unit, width }: PickedUnit) {
	const [known, of] = [recording.value, layerOf(layer)];
	const { value, fault } = useAnswer(() => (of ? readUnit(of.activity, unit) : null), [of, unit]);
	const level = LEVELS.find((each) => each.level === chosen.value.moments)?.level ?? "high";
	const rows = useMemo(
		() => (value && known ? tellingMoments(value, known.episodes, level, WANTED, medianOf(value)) : []),
		[value, known, level],
	);
	if (!known || !value)
		return fault ? (
			<Part title="Moments" fault={fault}>
				{null}
			</Part>
		) : null;
	const csv = () =>
		saveCsv(`${layer}-${unit}-moments-${level}`, [
			["moment", "episode", "decision", "activity"],
			...rows.map((row) => {
				const episode = episodeAt(row);
				return [row, episode, row - (known.episodes[episode]?.start ?? 0), value[row] ?? Number.NaN];
			}),
		]);
	const all = [...new Set(rows.flatMap((row) => stretchOf(known, row)))].sort((a, b) => a - b);
	const saliency = saliencyOf(layer, unit);
	const strips = rows.map((row) => ({
		title: `${say(value[row] ?? Number.NaN)}, ${sayMoment(known, episodeAt(row), row)}`,
		rows: stripOf(known, row),
		marked: row,
	}));
	const png = stripsDownload(`${layer}-${unit}-moments-${level}`, known.frames, saliency, strips);
	return (
		<Part title="Moments" fault={fault} downloads={[{ format: "CSV", run: csv }, ...png]}>
			<div class="unit-settings">
				<Select
					label="Show the"
					value={level}
					options={LEVELS.map((each) => ({ value: each.level, title: each.title }))}
					onPick={(picked) => choose("moments", picked)}
				/>
				<button type="button" onClick={() => select(recipeOfRows(all))}>
					Select these
				</button>
			</div>
			<Strips rows={rows} activity={value} saliency={saliency} width={width} />
			<p class="caption">
				Frames at {OFFSETS.map((each) => say(each)).join(", ")} decisions. No two moments of an episode within {APART}{" "}
				decisions of one another, and one of every episode before a second of any.
			</p>
		</Part>
	);
}

function Strips({ rows, activity, saliency, width }: StripsProps) {
	const known = recording.value as Recording;
	return (
		<ol class="strips">
			{rows.map((row) => {
				const at = sayMoment(known, episodeAt(row), row);
				return (
					<li key={row}>
						<div class="strip-line">
							<strong>{say(activity[row] ?? Number.NaN)}</strong>
							<button type="button" class="strip-go" onClick={() => goTo(row)}>
								{at}
							</button>
							<button
								type="button"
								aria-label={`Select around ${at}`}
								onClick={() => select(recipeOfRows(stretchOf(known, row)))}
							>
								Select
							</button>
						</div>
						{known.frames && (
							<Strip
								frames={known.frames}
								rows={stripOf(known, row)}
								marked={row}
								saliency={saliency}
								width={width}
								label={`Go to ${at}`}
								onPick={goTo}
							/>
						)}
					</li>
				);
			})}
			{!known.frames && (
				<li class="line">
					No frames are here. <Advice kind="frames" />
				</li>
			)}
		</ol>
	);
}

interface StripsProps {
	rows: readonly number[];
	activity: Float32Array;
	saliency: Saliency | null;
	width: number;
}

/** Moments at offsets from one of them, as far as its episode has them. */
function stripOf(known: Recording, row: number, offsets: readonly number[] = OFFSETS): number[] {
	return around(row, known.episodes[episodeAt(row)] ?? { start: 0, stop: known.rows, ending: "" }, offsets);
}

/** All moments that a strip spans. */
function stretchOf(known: Recording, row: number): number[] {
	const [first, last] = [OFFSETS[0] ?? 0, OFFSETS[OFFSETS.length - 1] ?? 0];
	return stripOf(
		known,
		row,
		Array.from({ length: last - first + 1 }, (_, i) => first + i),
	);
}

/** What moved this unit, where an analysis computed it. */
export function saliencyOf(layer: string, unit: number): Saliency | null {
	for (const { height, width, targets } of panelsOf("saliency")) {
		const target = targets.find((each) => each.layer === layer && each.unit === unit);
		if (target) return { height, width, target };
	}
	return null;
}
