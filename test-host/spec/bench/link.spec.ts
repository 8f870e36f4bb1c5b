import assert from "node:assert/strict";
import { inlineNumbers, linkModule } from "../../bench/link.js";

describe("linking a product into one module", () => {
  const vectors: readonly [what: string, source: string, linked: string][] = [
    ["a use", "var A = 5;\nexport const f = () => A + 1;", "\nexport const f = () => 5 + 1;"],
    ["a hexadecimal number as it stands", "const A = 0x7e;\nf(A);", "\nf(0x7e);"],
    ["the name of a property as it is", "const A = 5;\nf({ A: 1 }.A);", "\nf({ A: 1 }.A);"],
    ["a property in short form in full", "const A = 5;\nf({ A });", "\nf({ A: 5 });"],
    ["a name in brackets", "const A = 5;\nf({ [A]: 1 }, x[A]);", "\nf({ [5]: 1 }, x[5]);"],
    [
      "a name that a function has too as it is",
      "const A = 5;\nconst f = A => A;",
      "const A = 5;\nconst f = A => A;",
    ],
    ["a default", "const A = 5;\nfunction f(x = A) {}", "\nfunction f(x = 5) {}"],
    ["what is no number as it is", 'const A = "5";\nf(A);', 'const A = "5";\nf(A);'],
  ];
  for (const [what, source, linked] of vectors)
    it(`puts named numbers in their places: ${what}`, () => {
      assert.equal(inlineNumbers(source), linked);
    });

  it("leaves one module without imports, whose export is the product's", async () => {
    const source = await linkModule("hosts/firmware/products/bg95-module-tls");
    assert.doesNotMatch(source, /^import /m);
    assert.match(source, /export \{\n {2}start as default\n\};\n$/);
    assert.doesNotMatch(source, /\bDRAIN_MS\b/);
  });
});
