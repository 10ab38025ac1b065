/** What the network made of the frame: a bar for each output of each head, the taken action marked. */

import type { Head } from "../data/schema";
import { say } from "../parts/words";

const TITLES = { choice: "Probability of", q_values: "Value of", gaussian: "Mean of" } as const;

export interface Bar {
	name: string;
	/** NaN where outputs were not recorded. */
	number: number;
	isTaken: boolean;
	/** Of continuous actions: the number that was taken; null for choices. */
	taken: number | null;
}

/** Bars of every head: choices take one number of an action, Gaussian heads one for each of their outputs. */
export function barsOf(heads: Head[], outputs: ArrayLike<number> | null, actions: ArrayLike<number> | null): Bar[][] {
	let [output, action] = [0, 0];
	return heads.map((head) => {
		const isContinuous = head.kind === "gaussian";
		const bars = head.outputs.map((name, i) => ({
			name,
			number: outputs?.[output + i] ?? Number.NaN,
			isTaken: !isContinuous && actions?.[action] === i,
			taken: isContinuous ? (actions?.[action + i] ?? null) : null,
		}));
		output += head.outputs.length;
		action += isContinuous ? head.outputs.length : 1;
		return bars;
	});
}

interface Props {
	heads: Head[];
	outputs: Float32Array | null;
	actions: Float32Array | null;
}

export function Outputs({ heads, outputs, actions }: Props) {
	if (heads.length === 0 || (!outputs && !actions)) return null;
	const all = barsOf(heads, outputs, actions);
	return (
		<div class="outputs">
			{heads.map((head, i) => (
				<HeadTable key={head.name} head={head} bars={all[i] as Bar[]} />
			))}
		</div>
	);
}

export function HeadTable({ head, bars }: { head: Head; bars: Bar[] }) {
	// Probabilities fill the bar at 1; other numbers at the largest of the head.
	const sizes = bars.flatMap(({ number, taken }) => [Math.abs(number) || 0, Math.abs(taken ?? 0)]);
	const full = head.kind === "choice" ? 1 : Math.max(...sizes, 1e-12);
	return (
		<table>
			<caption>
				{TITLES[head.kind]} {head.name}
			</caption>
			<tbody>
				{bars.map((bar) => (
					<tr key={bar.name} class={bar.isTaken ? "taken" : ""}>
						<th scope="row">
							<span aria-hidden="true">{bar.isTaken ? "▸" : ""}</span> {bar.name}
							{bar.isTaken && <span class="unseen"> (taken)</span>}
						</th>
						<td class="bar">
							<span
								class={bar.number < 0 ? "below" : ""}
								style={{ width: `${(100 * Math.min(Math.abs(bar.number) || 0, full)) / full}%` }}
							/>
						</td>
						<td class="number">
							{Number.isNaN(bar.number) ? "" : head.kind === "choice" ? bar.number.toFixed(2) : say(bar.number)}
							{bar.taken !== null && <span class="soft"> took {say(bar.taken)}</span>}
						</td>
					</tr>
				))}
			</tbody>
		</table>
	);
}
