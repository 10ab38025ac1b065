import { View } from "../parts/view";

export function Traces() {
	return <View name="traces" title="Traces" />;
}
