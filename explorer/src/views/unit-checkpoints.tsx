/** The picked unit's receptive field at every checkpoint of training; the one that is chosen is shown large. */

import { useMemo } from "preact/hooks";
import { readRows } from "../data/loading";
import type { CheckpointPicturesPanel } from "../data/schema";
import { useAnswer } from "../parts/asking";
import { Caption } from "../parts/caption";
import { Cells } from "../parts/cells";
import { CheckpointPicker, chooseCheckpoint } from "../parts/checkpoint_picker";
import { FieldCanvas, namesOfChannels, Planes, pixelsOf, sheetOf } from "../parts/field_canvas";
import { scaleOf } from "../parts/fields";
import { Part } from "../parts/part";
import { saveCsv, savePng } from "../parts/saving";
import { checkpointNear, cosine, sayCheckpoint, sayShort } from "../parts/training";
import { say } from "../parts/words";
import { checkpoint, panelsOf } from "../state";
import type { PickedUnit } from "./unit";

const CELL = 46;
const LABEL = 14;
const LINES_SHOWN = 2;

export function UnitCheckpoints(picked: PickedUnit) {
	const panels = panelsOf("checkpoint_pictures").filter((each) => each.layer === picked.layer);
	return (
		<>
			{panels.map((panel) => (
				<Checkpoints key={panel.name} panel={panel} {...picked} />
			))}
		</>
	);
}

/** The pictures of a unit, one for each checkpoint; null where it was not measured. */
async function picturesOf(panel: CheckpointPicturesPanel, unit: number): Promise<Float32Array[] | null> {
	if (unit >= panel.pictures.rows) return null;
	const all = await readRows(panel.pictures, unit, unit + 1);
	if (all.every((each) => Number.isNaN(each))) return null;
	const size = panel.height * panel.width * panel.channels;
	return panel.frames_trained.map((_, i) => all.subarray(i * size, (i + 1) * size));
}

function Checkpoints({ panel, layer, unit, width }: PickedUnit & { panel: CheckpointPicturesPanel }) {
	const { value, fault, isWaiting } = useAnswer(() => picturesOf(panel, unit), [panel, unit]);
	const scale = useMemo(() => Math.max(0, ...(value ?? []).map(scaleOf)), [value]);
	const frames = panel.frames_trained;
	const at = checkpointNear(frames, checkpoint.value);
	const groups = useMemo(() => [{ title: "", items: frames.map((_, i) => i) }], [frames]);
	const now = value?.[at];
	const [first, final] = [value?.[0], value?.[frames.length - 1]];
	const high = Math.round(((CELL - 4) * panel.height) / panel.width) + LABEL + 4;
	const lines = Math.min(Math.ceil(frames.length / Math.max(1, Math.floor(width / CELL))), LINES_SHOWN);
	const name = `${layer}-${unit}-${panel.name}`;
	const downloads = value
		? [
				{ format: "PNG", run: () => savePng(name, sheetOf(value, panel, panel.is_signed, scale)) },
				{ format: "CSV", run: () => saveCsv(name, tableOf(panel, value)) },
			]
		: [];
	return (
		<Part title="During training" note={`${frames.length} checkpoints`} downloads={downloads} fault={fault}>
			{value && now && first && final && (
				<>
					<CheckpointPicker frames={frames} />
					<div class="unit-thumbnails" style={{ height: `${lines * high + 4}px` }}>
						<Cells
							name={`checkpoint-${panel.name}`}
							label={`Receptive field of unit ${unit} at every checkpoint`}
							groups={groups}
							width={CELL}
							height={high}
							current={at}
							onPick={(item) => chooseCheckpoint(frames, item)}
							nameOf={(item) => sayCheckpoint(frames[item] as number)}
							show={(item) => (
								<>
									<FieldCanvas
										numbers={value[item] ?? null}
										shape={panel}
										plane={0}
										isSigned={panel.is_signed}
										scale={scale}
										width={CELL - 4}
									/>
									<span class="cell-label">{sayShort(frames[item] as number)}</span>
								</>
							)}
						/>
					</div>
					<Planes numbers={now} shape={panel} isSigned={panel.is_signed} scale={scale} width={width} />
					<p class="line">
						After {sayCheckpoint(frames[at] as number).replace("before training", "no training")}; cosine with the first{" "}
						{sayCosine(now, first)}, with the last {sayCosine(now, final)}.
					</p>
				</>
			)}
			{!value && !isWaiting && !fault && <p class="line">This unit was not measured at these checkpoints.</p>}
			{panel.note && <p class="line soft">{panel.note}</p>}
			<Caption text={`One scale for all checkpoints of the unit. ${panel.caption}`} />
		</Part>
	);
}

function sayCosine(one: Float32Array, other: Float32Array): string {
	const found = cosine(one, other);
	return Number.isNaN(found) ? "not known (it never answered)" : say(found);
}

function tableOf(panel: CheckpointPicturesPanel, pictures: readonly Float32Array[]): (string | number)[][] {
	const rows = panel.frames_trained.flatMap((frames, i) =>
		pixelsOf(pictures[i] as Float32Array, panel).map((row) => [frames, ...row]),
	);
	return [["frames_trained", "row", "column", ...namesOfChannels(panel.channels)], ...rows];
}
