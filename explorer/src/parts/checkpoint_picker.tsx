/** Moves through the checkpoints of a training run; all that is shown of one follows. */

import { checkpoint } from "../state";
import { checkpointNear, sayCheckpoint } from "./training";
import { Select } from "./view";

/** Choose one of some checkpoints; the last is what is shown while none is chosen. */
export function chooseCheckpoint(frames: readonly number[], at: number): void {
	const last = frames.length - 1;
	checkpoint.value = at >= last ? null : (frames[Math.max(at, 0)] as number);
}

export function CheckpointPicker({ frames }: { frames: readonly number[] }) {
	const at = checkpointNear(frames, checkpoint.value);
	const last = frames.length - 1;
	return (
		<div class="unit-settings checkpoints">
			<button
				type="button"
				aria-label="Checkpoint before"
				disabled={at === 0}
				onClick={() => chooseCheckpoint(frames, at - 1)}
			>
				‹
			</button>
			<Select
				label="Checkpoint"
				value={String(at)}
				options={frames.map((each, i) => ({ value: String(i), title: sayCheckpoint(each) }))}
				onPick={(to) => chooseCheckpoint(frames, Number(to))}
			/>
			<button
				type="button"
				aria-label="Checkpoint after"
				disabled={at === last}
				onClick={() => chooseCheckpoint(frames, at + 1)}
			>
				›
			</button>
			<span class="soft">
				{at + 1} of {frames.length}
			</span>
		</div>
	);
}
