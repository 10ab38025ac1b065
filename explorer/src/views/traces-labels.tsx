/** Beside the traces: what each one is, its number at the moment, and its range. */

import type { Recording } from "../data/schema";
import { say, sayMoment } from "../parts/words";
import type { Axis } from "../parts/zooming";
import { choose, episodeAt, moment } from "../state";
import type { Lane } from "./traces-lanes";
import { colourOfAction, EVENT_PX, STRIP_PX } from "./traces-marks";
import { AXIS_PX, type Range } from "./traces-plot";

export const LEAST_LANE_PX = 26;

interface Props {
	known: Recording;
	lanes: readonly Lane[];
	ranges: readonly Range[];
	strips: readonly { name: string; outputs: string[]; actions: Float32Array }[];
	/** The moment, or the one under the pointer. */
	row: number;
	axis: Axis;
	keys: readonly string[];
}

export function Labels({ known, lanes, ranges, strips, row, axis, keys }: Props) {
	return (
		<div class="traces-labels">
			<p class="traces-at" style={{ height: `${EVENT_PX}px` }}>
				{row === moment.value ? "" : sayMoment(known, episodeAt(row), row)}
			</p>
			<ul>
				{lanes.map((lane, i) => (
					<li key={lane.key} style={{ borderColor: lane.colour }}>
						<span class="traces-name" title={lane.title}>
							{lane.title}
						</span>
						<span class="traces-number" title={sayRange(ranges[i], lane.units)}>
							{lane.numbers ? say(lane.numbers[row] ?? Number.NaN) : "damaged"} <span class="soft">{lane.units}</span>
						</span>
						{lane.isPicked ? (
							<button
								type="button"
								aria-label={`Keep ${lane.title}`}
								title="The picked unit: keep it when another is picked"
								onClick={() => choose("traces", [...keys, lane.key].join())}
							>
								keep
							</button>
						) : (
							<button
								type="button"
								aria-label={`Remove ${lane.title}`}
								title="Remove"
								onClick={() => choose("traces", keys.filter((key) => key !== lane.key).join())}
							>
								×
							</button>
						)}
					</li>
				))}
			</ul>
			{strips.map(({ name, outputs, actions }) => {
				const action = actions[row];
				return (
					<p key={name} class="traces-strip" style={{ height: `${STRIP_PX}px` }}>
						<span class="soft">{name}</span>{" "}
						{action !== undefined && outputs[action] !== undefined && (
							<>
								<i style={{ background: colourOfAction(action) }} /> {outputs[action]}
							</>
						)}
					</p>
				);
			})}
			<p class="traces-axis soft" style={{ height: `${AXIS_PX}px` }}>
				{axis.title}
			</p>
		</div>
	);
}

const sayRange = (range: Range | undefined, units: string): string =>
	range ? `${say(range[0])} to ${say(range[1])} ${units}, of what is shown` : "";
