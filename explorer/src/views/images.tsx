/** Images that were shown to the agent: which ones drive the picked unit, the value or an action. */

import { useMemo } from "preact/hooks";
import { readColumn } from "../data/loading";
import type { Column, ImagesPanel } from "../data/schema";
import { useAnswer } from "../parts/asking";
import { attributedPairs } from "../parts/attributed";
import { Caption } from "../parts/caption";
import { Cells } from "../parts/cells";
import { cssOf, toneOf } from "../parts/colours";
import { saveCsv } from "../parts/saving";
import { classOf, type Grouping, groupsOf, imageOf, pairsOf, placeOfPair } from "../parts/shown";
import { Empty, Select, View } from "../parts/view";
import { count, say } from "../parts/words";
import { choose, chosen, forget, index, panelsOf, unit } from "../state";
import { saveImages } from "./images-file";
import { ImageLarge, ShownPicture } from "./images-large";
import { ImagesSummary } from "./images-summary";
import "./images.css";

const CELL = 68;
const GROUPINGS: { value: Grouping; title: string }[] = [
	{ value: "class", title: "class" },
	{ value: "place", title: "place" },
	{ value: "valence", title: "valence" },
	{ value: "none", title: "nothing" },
];

/** A number of every pair, by which images are sorted. */
export interface Measure {
	value: string;
	title: string;
	group?: string;
	column: Column;
	/** Which number of a row. */
	at: number;
}

export function measuresOf(panel: ImagesPanel, picked: { layer: string; unit: number } | null): Measure[] {
	const found: Measure[] = [];
	const ofLayer = panel.responses.find((each) => each.layer === picked?.layer);
	if (ofLayer && picked && picked.unit < ofLayer.values.width)
		found.push({
			value: "unit",
			title: `${picked.layer}, ${picked.unit}`,
			group: "response of the picked unit",
			column: ofLayer.values,
			at: picked.unit,
		});
	if (panel.value) found.push({ value: "value", title: "value", group: "critic", column: panel.value, at: 0 });
	let at = 0;
	for (const head of panel.heads)
		for (const output of head.outputs) {
			if (panel.outputs)
				found.push({
					value: `output${at}`,
					title: output,
					group: `probability, ${head.name}`,
					column: panel.outputs,
					at,
				});
			at += 1;
		}
	return found;
}

export async function numbersOf({ column, at }: Measure): Promise<Float32Array> {
	const all = await readColumn(column);
	return Float32Array.from({ length: column.rows }, (_, row) => all[row * column.width + at] ?? Number.NaN);
}

export function Images() {
	const panels = panelsOf("images");
	const largest = panels.reduce((a, b) => (b.pictures.count > a.pictures.count ? b : a), panels[0] as ImagesPanel);
	const panel = panels.find((each) => each.name === chosen.value["images.panel"]) ?? largest;
	if (!panel)
		return (
			<View name="images" title="Images">
				<Empty what="No images were shown to this agent." advice={index.value?.advice.images} />
			</View>
		);
	return <Shown key={panel.name} panel={panel} panels={panels} />;
}

function Shown({ panel, panels }: { panel: ImagesPanel; panels: ImagesPanel[] }) {
	const set = (name: string) => (value: string) => choose(`images.${name}`, value);
	const told = (name: string) => chosen.value[`images.${name}`] ?? "";
	const measures = measuresOf(panel, unit.value);
	const measure =
		measures.find((each) => each.value === told("sort")) ?? (told("sort") === "none" ? undefined : measures[0]);
	const { value, fault } = useAnswer(() => (measure ? numbersOf(measure) : null), [measure?.column, measure?.at]);
	const [ofClass, ofPlace] = [panel.classes.indexOf(told("class")), panel.places.indexOf(told("place"))];
	// Of one image of each class every group would be a line of its own.
	const usual = panel.names.length > panel.classes.length ? "class" : panel.places.length > 1 ? "place" : "none";
	const grouping = GROUPINGS.find((each) => each.value === told("group"))?.value ?? usual;
	const maps = useAnswer(() => attributedPairs(panel, panelsOf("images")), [panel]);
	const attributed = useMemo(() => new Set(maps.value ?? []), [maps.value]);
	const onlyAttributed = told("maps") === "only" && attributed.size > 0;
	const groups = useMemo(
		() =>
			groupsOf(
				panel,
				pairsOf(panel, ofClass, ofPlace).filter((each) => !onlyAttributed || attributed.has(each)),
				grouping,
				value,
			),
		[panel, ofClass, ofPlace, grouping, value, onlyAttributed, attributed],
	);
	const pairs = groups.flatMap((each) => each.items);
	const pair = told("pair") === "" ? null : Number(told("pair"));
	const current = pair !== null && pair >= 0 && pair < panel.pictures.count ? pair : null;
	const high = Math.round((CELL * panel.pictures.height) / panel.pictures.width);
	const everything = { value: "", title: "all" };
	const csv = async () => {
		const all = await Promise.all(measures.map(numbersOf));
		saveCsv(`${panel.name}-images`, [
			[
				"image",
				"class",
				"place",
				...measures.map((each) => (each.group ? `${each.group}: ${each.title}` : each.title)),
			],
			...pairs.map((each) => [...wordsOf(panel, each), ...all.map((numbers) => numbers[each] ?? Number.NaN)]),
		]);
	};
	const nameOf = (each: number) => {
		const [name, ofWhich, where] = wordsOf(panel, each);
		const number = value ? `: ${say(value[each] ?? Number.NaN)}` : "";
		return `${name}, ${ofWhich}, ${where}${number}${attributed.has(each) ? "; with saliency" : ""}`;
	};
	const png = () => saveImages(`${panel.name}-images`, panel, pairs, (each) => (value ? say(value[each] ?? 0) : ""));
	const downloads = [
		{ format: "CSV", run: csv },
		{ format: "PNG", run: png },
	];
	const settings = (
		<>
			{panels.length > 1 && (
				<Select
					label="Set"
					value={panel.name}
					options={panels.map((each) => ({ value: each.name, title: `${each.title} (${each.pictures.count})` }))}
					onPick={(name) => {
						forget("images.pair");
						set("panel")(name);
					}}
				/>
			)}
			<Select
				label="Sort by"
				value={measure?.value ?? "none"}
				options={[...measures, { value: "none", title: "nothing" }]}
				onPick={set("sort")}
			/>
			<Select label="Group by" value={grouping} options={GROUPINGS} onPick={set("group")} />
			<Select
				label="Class"
				value={ofClass < 0 ? "" : told("class")}
				options={[everything, ...panel.classes.map((each) => ({ value: each, title: each }))]}
				onPick={set("class")}
			/>
			{panel.places.length > 1 && (
				<Select
					label="Place"
					value={ofPlace < 0 ? "" : told("place")}
					options={[everything, ...panel.places.map((each) => ({ value: each, title: each }))]}
					onPick={set("place")}
				/>
			)}
			{attributed.size > 0 && attributed.size < panel.pictures.count && (
				<label class="check">
					<input
						type="checkbox"
						checked={onlyAttributed}
						onChange={(event) => set("maps")(event.currentTarget.checked ? "only" : "all")}
					/>{" "}
					with saliency ({count(attributed.size)})
				</label>
			)}
			<span class="soft">{count(pairs.length)} shown</span>
		</>
	);
	return (
		<View name="images" title="Images" settings={settings} fault={fault || maps.fault} downloads={downloads}>
			<div class="images-all">
				<Cells
					name="image"
					label="Images that were shown"
					groups={groups}
					width={CELL}
					height={high + 14}
					current={current}
					onPick={(each) => choose("images.pair", String(each))}
					nameOf={nameOf}
					show={(each) => (
						<>
							<ShownPicture panel={panel} pair={each} width={CELL - 6} map={null} />
							<span class="images-number">
								<span
									class="images-tone"
									style={{ background: cssOf(toneOf(panel.valences[classOf(panel, each)] ?? null)) }}
								/>
								{attributed.has(each) && <span class="images-mapped" />}
								{value ? say(value[each] ?? Number.NaN) : panel.places[placeOfPair(panel, each)]}
							</span>
						</>
					)}
				/>
				<div class="images-side">
					{current === null ? (
						<p class="line soft">Pick an image to see it large. Arrow keys go from one to the next.</p>
					) : (
						<ImageLarge
							panel={panel}
							pair={current}
							attributed={maps.value ?? []}
							measures={measures}
							name={wordsOf(panel, current).join(", ")}
						/>
					)}
					{value && measure && <ImagesSummary panel={panel} numbers={value} measure={measure} />}
					<Caption text={panel.caption} />
					{panel.responses.length > 0 && !measures.some((each) => each.value === "unit") && (
						<p class="line soft">
							Pick a unit of {panel.responses.map((each) => each.layer).join(", ")} to sort images by its response.
						</p>
					)}
				</div>
			</div>
		</View>
	);
}

function wordsOf(panel: ImagesPanel, pair: number): [string, string, string] {
	return [
		panel.names[imageOf(panel, pair)] ?? "",
		panel.classes[classOf(panel, pair)] ?? "",
		panel.places[placeOfPair(panel, pair)] ?? "",
	];
}
