/** The picked unit or component: what it looks for, when it is active, and what it goes with. */

import { useRef } from "preact/hooks";
import { useSize } from "../parts/seeing";
import { View } from "../parts/view";
import { index, layerOf, measured, panelsOf, recording, unit } from "../state";
import "./unit.css";
import { UnitCheckpoints } from "./unit-checkpoints";
import { UnitCorrelates } from "./unit-correlates";
import { UnitCurves } from "./unit-curves";
import { UnitExamples } from "./unit-examples";
import { UnitHistogram } from "./unit-histogram";
import { UnitMoments } from "./unit-moments";
import { UnitNumbers } from "./unit-numbers";
import { UnitPicker } from "./unit-picker";
import { UnitPictures } from "./unit-pictures";

/** What the parts of the view are told. */
export interface PickedUnit {
	layer: string;
	unit: number;
	/** Pixels for what they draw. */
	width: number;
}

const SCROLLBAR = 4;

export function UnitView() {
	const place = useRef<HTMLDivElement>(null);
	const width = Math.max(220, useSize(place).width - SCROLLBAR);
	const known = index.value;
	if (!known?.layers.length && !measured.value.length)
		return (
			<View name="unit" title="Unit or component">
				<p class="line">No layer was recorded or measured. {known?.advice.layers ?? known?.advice.recording}</p>
			</View>
		);
	const picked = unit.value;
	const layer = picked && layerOf(picked.layer);
	const given = picked && { ...picked, width };
	return (
		<View name="unit" title="Unit or component">
			<div class="unit-parts" ref={place}>
				<UnitPicker width={width} />
				{!given || !layer ? (
					<p class="line unit-none">Pick a unit in the raster, or here.</p>
				) : (
					<>
						<UnitPictures {...given} />
						<UnitCheckpoints {...given} />
						<UnitNumbers {...given} />
						{recording.value && layer.activity.rows > 0 ? (
							<>
								<UnitHistogram {...given} />
								<UnitMoments {...given} />
							</>
						) : (
							<p class="line">
								Its activity at every moment is not here. <Advice kind={recording.value ? "activity" : "recording"} />
							</p>
						)}
						{recording.value && <UnitExamples {...given} />}
						{recording.value && layer.activity.rows > 0 && <UnitCorrelates {...given} />}
						<UnitCurves {...given} />
						<Missing layer={picked.layer} />
					</>
				)}
			</div>
		</View>
	);
}

/** What to run for what is not there. */
export function Advice({ kind }: { kind: string }) {
	const advice = index.value?.advice[kind];
	if (!advice) return null;
	return /^\S*retinoscope /.test(advice) ? <code>{advice}</code> : <span>{advice}</span>;
}

const KINDS = [
	{ kind: "unit_pictures", what: "No pictures of this layer's units (receptive fields)." },
	{ kind: "unit_curves", what: "No curves of this layer's units." },
	{ kind: "examples", what: "No lists of examples of this layer." },
] as const;

function Missing({ layer }: { layer: string }) {
	const missing = KINDS.filter(({ kind }) => !panelsOf(kind).some((each) => each.layer === layer));
	return (
		<>
			{missing.map(({ kind, what }) => (
				<p key={kind} class="line">
					{what} <Advice kind={kind} />
				</p>
			))}
		</>
	);
}
