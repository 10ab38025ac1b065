/** Play, pause, steps, speed, and the slider over the episode. */

import type { Recording } from "../data/schema";
import { useAnswer } from "../parts/asking";
import { speedIn, speedsOf } from "../parts/playing";
import { firstFrom } from "../parts/searching";
import { episodeBy, eventBy, happenedIn, playOrPause, stepBy } from "../parts/walking";
import { choose, chosen, episodeAt, goTo, isPlaying, moment } from "../state";

const SHAPES = {
	play: "M3 1 L13 8 L3 15 Z",
	pause: "M3 1 h4 v14 h-4 Z M9 1 h4 v14 h-4 Z",
	next: "M4 2 L11 8 L4 14 Z",
	last: "M12 2 L5 8 L12 14 Z",
	nextEvent: "M1 2 L8 8 L1 14 Z M12 4 a4 4 0 1 1 -0.01 0 Z",
	lastEvent: "M15 2 L8 8 L15 14 Z M4 4 a4 4 0 1 1 -0.01 0 Z",
	nextEpisode: "M2 2 L10 8 L2 14 Z M11 2 h3 v12 h-3 Z",
	lastEpisode: "M14 2 L6 8 L14 14 Z M2 2 h3 v12 h-3 Z",
};

interface ButtonProps {
	shape: keyof typeof SHAPES;
	label: string;
	keys: string;
	run: () => void;
}

function Button({ shape, label, keys, run }: ButtonProps) {
	return (
		<button
			type="button"
			aria-label={label}
			title={`${label} (${keys})`}
			// A click leaves the focus where it was, so that the space bar goes on playing.
			onMouseDown={(event) => event.preventDefault()}
			onClick={run}
		>
			<svg viewBox="0 0 16 16" width="13" height="13" aria-hidden="true">
				<path d={SHAPES[shape]} fill="currentColor" />
			</svg>
		</button>
	);
}

export function Transport({ known }: { known: Recording }) {
	const speeds = speedsOf(known.seconds_per_decision);
	return (
		<div class="transport">
			<Slider known={known} />
			<fieldset class="transport-buttons" aria-label="Playing">
				<Button shape="lastEpisode" label="Previous episode" keys="[" run={() => episodeBy(-1)} />
				<Button shape="lastEvent" label="Previous event" keys="E" run={() => eventBy(-1)} />
				<Button shape="last" label="One decision back" keys="←" run={() => stepBy(-1)} />
				{isPlaying.value ? (
					<Button shape="pause" label="Pause" keys="space" run={playOrPause} />
				) : (
					<Button shape="play" label="Play" keys="space" run={playOrPause} />
				)}
				<Button shape="next" label="One decision on" keys="→" run={() => stepBy(1)} />
				<Button shape="nextEvent" label="Next event" keys="e" run={() => eventBy(1)} />
				<Button shape="nextEpisode" label="Next episode" keys="]" run={() => episodeBy(1)} />
				<select
					class="speed"
					aria-label="Speed"
					title="Speed"
					onChange={(event) => choose("speed", event.currentTarget.value)}
					value={speedIn(speeds, chosen.value.speed).value}
				>
					{speeds.map(({ value, title }) => (
						<option key={value} value={value}>
							{title}
						</option>
					))}
				</select>
			</fieldset>
		</div>
	);
}

function Slider({ known }: { known: Recording }) {
	const episode = known.episodes[episodeAt(moment.value)] ?? { start: 0, stop: known.rows, ending: "" };
	const length = episode.stop - episode.start;
	const step = moment.value - episode.start;
	const time = known.seconds_per_decision === null ? "" : `, ${(step * known.seconds_per_decision).toFixed(1)} s`;
	return (
		<div class="slider">
			<Marks known={known} start={episode.start} stop={episode.stop} />
			<input
				type="range"
				aria-label="Decision of this episode"
				aria-valuetext={`decision ${step} of ${length}${time}`}
				min={0}
				max={Math.max(length - 1, 0)}
				value={step}
				onInput={(event) => goTo(episode.start + Number(event.currentTarget.value))}
			/>
		</div>
	);
}

const toneOf = (valence: number | null): string =>
	valence ? (valence > 0 ? "var(--good)" : "var(--bad)") : "var(--soft)";

/** Events of the episode over its slider; blue ones good, vermilion ones bad. */
function Marks({ known, start, stop }: { known: Recording; start: number; stop: number }) {
	const { value } = useAnswer(() => happenedIn(known), [known]);
	const marks = [];
	for (let i = value ? firstFrom(value.rows, start) : 0; value && (value.rows[i] as number) < stop; i++) {
		const happened = known.events[value.classes[i] as number];
		const share = ((value.rows[i] as number) - start) / Math.max(stop - start - 1, 1);
		// The knob is 12 pixels wide: its middle runs from 6 to 6 before the end.
		const left = `calc(6px + ${share.toFixed(4)} * (100% - 12px))`;
		marks.push(<i key={i} style={{ left, background: toneOf(happened?.valence ?? null) }} />);
	}
	return (
		<div class="slider-marks" aria-hidden="true">
			{marks}
		</div>
	);
}
