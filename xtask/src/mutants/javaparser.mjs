// Says of each file named on standard input whether java-parser accepts it.
import fs from "node:fs";
import { parse } from "java-parser";

for (const line of fs.readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  const [path] = line.split("\t");
  try {
    parse(fs.readFileSync(path, "utf8"));
    console.log(1);
  } catch {
    console.log(0);
  }
}
