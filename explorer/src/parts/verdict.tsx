/** What a saliency map says, and whether it says anything about what was learned: the randomisation check, in words. */

import { say } from "./words";

interface Props {
	title: string;
	verdict: string;
	has_passed: boolean | null;
}

export function Verdict({ title, verdict, has_passed: hasPassed }: Props) {
	const word = hasPassed === null ? "not checked" : hasPassed ? "check passed" : "check failed";
	const tone = hasPassed === null ? "" : hasPassed ? "passed" : "failed";
	return (
		<p class={`verdict ${tone}`}>
			Saliency of {title}: <strong>{word}.</strong> {verdict}
		</p>
	);
}

/** What the colours over a picture mean. */
export function MapKey({ scale }: { scale: number }) {
	return (
		<p class="saliency-key">
			<span>lowers {say(-scale)}</span>
			<span class="saliency-bar" aria-hidden="true" />
			<span>{say(scale)} raises</span>
		</p>
	);
}
