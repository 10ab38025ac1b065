/** Whether a saliency map says anything about what was learned: the randomisation check, in words. */

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
