import { describe, expect, test } from "@jest/globals";
import { catalog, type Field, type Kind } from "@photoncloud/proto";
import { WidgetSchema } from "@photoncloud/proto/gen/photoncloud/test/v1/widget_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { testCatalog } from "@photoncloud/proto/testing";
import { makeSlices } from "./slices.ts";

describe("makeSlices()", () => {
  test("refuses what is in no catalog or given twice", () => {
    expect(() => makeSlices(catalog(), [{ schema: WidgetSchema }])).toThrow(
      "photoncloud.test.v1.Widget is no kind of the catalog",
    );
    expect(() => makeSlices(catalog(), [{ schema: VpcSchema }, { schema: VpcSchema }])).toThrow(
      "prismnet.v1.Vpc is defined twice",
    );
  });

  test("refuses a volatile output inside a message, which would be lost", () => {
    const makeVolatile = (field: Field): Field =>
      field.name === "area"
        ? { ...field, volatile: true }
        : field.type.type === "message"
          ? { ...field, type: { ...field.type, fields: field.type.fields.map(makeVolatile) } }
          : field;
    const wide = testCatalog();
    const byTypeName = (name: string): Kind | undefined => {
      const kind = wide.byTypeName(name);
      return kind && { ...kind, fields: kind.fields.map(makeVolatile) };
    };
    expect(() => makeSlices({ ...wide, byTypeName }, [{ schema: WidgetSchema }])).toThrow(
      /WidgetSize.area is VOLATILE/,
    );
  });

  test("says plainly that a kind is not served", () => {
    expect(() => makeSlices(catalog(), []).of("prismnet.v1.Vpc")).toThrow("this server does not serve prismnet.v1.Vpc");
  });
});
