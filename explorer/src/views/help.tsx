import { View } from "../parts/view";

export function Help() {
	return <View name="help" title="Help" />;
}
