//! Contacts from files: all of them, or none.

use serde_json::json;

use crate::bench::{Bench, err, with_stdin};

const WEEK: &str = "\
\u{feff}date, site, mode, client, sex, age, people, out.syringe_fixed_1ml, others.needle, in.used_mixed, services, duration
2008-02-05,KM-N,,LOTUS-27,,,,10,,8,nsp;counselling,under_5
2008-02-04,KM-V,street,,F,<25,,5,3,0,,
\"2008-02-04\",KM-V,,,,,12,,,,education,
,,,,,,,,,,,
";

const WEEK_JSON: &str = r#"[
    {"date": "2008-02-05", "site": "KM-N", "client": "LOTUS-27", "out": {"syringe_fixed_1ml": 10},
     "in": {"used_mixed": 8}, "services": ["nsp", "counselling"], "duration": "under_5"},
    {"date": "2008-02-04", "site": "KM-V", "mode": "street", "sex": "F", "age": "<25",
     "out.syringe_fixed_1ml": "5", "others.needle": 3, "in": {}, "client": null},
    {"date": "2008-02-04", "site": "KM-V", "people": 12, "services": "education"}
]"#;

/// A store with one client of a label of their own, and two who share one.
fn bench() -> Bench {
    let bench = Bench::with_team();
    for label in ["LOTUS-27", "IRIS-4", "IRIS-4"] {
        bench.ok("a", &["client", "add", "--label", label]);
    }
    bench
}

#[test]
fn a_week_as_csv_or_json() {
    let bench = bench();
    bench.write("week.csv", WEEK);
    bench.write("week.JSON", WEEK_JSON);
    let shown = |range: &[&str]| {
        let mut contacts = bench.json("a", &[&["contacts"], range].concat());
        for contact in contacts.as_array_mut().unwrap() {
            contact.as_object_mut().unwrap().remove("id");
        }
        contacts
    };
    assert_eq!(bench.json("a", &["log", "--file", "week.csv"])["saved"], 3);
    let once = shown(&[]);
    assert_eq!((&once[0]["date"], &once[0]["sets"]), (&json!("2008-02-05"), &json!(10)));
    assert_eq!(once[0]["services"], json!(["counselling", "nsp"]));
    let street = once.as_array().unwrap().iter().find(|contact| contact["mode"] == "street");
    assert_eq!(street.unwrap()["in"], json!({}));

    assert_eq!(bench.json("a", &["log", "--file", "week.JSON"])["saved"], 3);
    assert_eq!(bench.json_from("a", &["log", "--file", "-"], WEEK)["saved"], 3);
    let thrice = shown(&["--from", "2008-02-05", "--to", "2008-02-06"]);
    assert_eq!(thrice, json!([once[0], once[0], once[0]]));
    assert_eq!(shown(&[]).as_array().unwrap().len(), 9);
}

/// What is wrong, and the place that is named. In each the first row would be usable.
#[test]
fn a_file_with_a_fault_saves_nothing() {
    let bench = bench();
    let head = "date,site,client,people,out.swab,services\n2008-02-04,KM-V,,,1,\n";
    let csv = |row: &str| format!("{head}{row}\n");
    let cases = [
        (csv("1970-01-01,KM-V,,,1,"), "line 3, column date: date must lie between 2000-01-01"),
        (csv("04.02.2008,KM-V,,,1,"), "line 3, column date: date must be written as YYYY-MM-DD"),
        (csv("2008-02-30,KM-V,,,1,"), "line 3, column date"),
        (csv(",KM-V,,,1,"), "line 3: the date is missing"),
        (csv("2008-02-04,,,,1,"), "line 3: the site is missing"),
        (csv("2008-02-04,KM-X,,,1,"), "line 3, column site: this site is not known here"),
        (csv("2008-02-04,KM-V,,,-1,"), "line 3, column out.swab: quantity must lie between"),
        (csv("2008-02-04,KM-V,,,10001,"), "line 3, column out.swab: quantity must lie between"),
        (
            csv("2008-02-04,KM-V,,,many,"),
            "line 3, column out.swab: quantity must be a whole number",
        ),
        (csv("2008-02-04,KM-V,,0,1,"), "line 3, column people: people must lie between"),
        (csv("2008-02-04,KM-V,ROSE-1,,1,"), "line 3, column client: this client is not known"),
        (csv("2008-02-04,KM-V,IRIS-4,,1,"), "line 3, column client: this could be 2 clients"),
        (csv("2008-02-04,KM-V,LOTUS-27,3,1,"), "line 3: a contact is with a client, or with"),
        (csv("2008-02-04,KM-V,,,1,massage"), "line 3, column services: service must be one of"),
        (csv("2008-02-04,KM-V,,,1"), "line 3: 5 columns, but the first line names 6"),
        ("date,place\n2008-02-04,KM-V\n".to_owned(), "line 1, column 2 (place): no such column"),
        ("date,site,out.swabs\n".to_owned(), "line 1, column 3 (out.swabs): item must be one of"),
        ("date,site,date\n".to_owned(), "line 1, column 3 (date): this column is there twice"),
        ("date,people\n2008-02-04,3\n".to_owned(), "line 1: the column site is missing"),
        ("date,site\n".to_owned(), "the file holds no contact"),
        (String::new(), "line 1: the column date is missing"),
    ];
    let before = bench.contacts("a");
    for (content, expected) in &cases {
        let output = with_stdin(bench.on("a", &["log", "--file", "-"]), content);
        let said = err(&output);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(7), 0), "{content}: {said}");
        assert!(said.contains(expected) && said.contains("\nhint: "), "{content}: {said}");
    }
    assert_eq!(bench.contacts("a"), before);
}

#[test]
fn a_json_file_with_a_fault_saves_nothing() {
    let bench = bench();
    let first = r#"{"date": "2008-02-04", "site": "KM-V"}"#;
    let cases = [
        (format!("[{first},\n {{]"), "line 2, column 3: this is not JSON"),
        (first.to_owned(), "the file must be an array of objects"),
        (format!("[{first}, 7]"), "entry 2: must be an object"),
        (format!("[{first}, {{}}]"), "entry 2: the date is missing"),
        (
            r#"[{"date": "2008-02-04", "site": "KM-V", "name": "x"}]"#.into(),
            "entry 1, column name: no such column",
        ),
        (
            r#"[{"date": 2008, "site": "KM-V"}]"#.into(),
            "entry 1, column date: date must be written",
        ),
        (
            r#"[{"date": "2008-02-04", "site": "KM-V", "out": {"swab": 1.5}}]"#.into(),
            "entry 1, column out.swab: quantity",
        ),
        (
            r#"[{"date": "2008-02-04", "site": "KM-V", "people": true}]"#.into(),
            "entry 1, column people: must be a text or a number",
        ),
        ("[]".to_owned(), "the file holds no contact"),
    ];
    let before = bench.contacts("a");
    for (content, expected) in &cases {
        bench.write("bad.json", content);
        let output = bench.on("a", &["log", "--file", "bad.json"]).output().unwrap();
        assert_eq!(output.status.code(), Some(7), "{content}");
        assert!(err(&output).contains(expected), "{content}: {}", err(&output));
    }
    assert_eq!(bench.contacts("a"), before);
}

#[test]
fn several_faults_are_listed_without_what_stands_there() {
    let bench = bench();
    let table = "date,site\n2008-02-04,Wang Xiaoming\n13812345678,KM-V\n2008-02-04,KM-X\n";
    let output = with_stdin(bench.on("a", &["log", "--file", "-"]), table);
    insta::assert_snapshot!(err(&output));
}

#[test]
fn what_is_no_text_is_refused() {
    let bench = bench();
    bench.write("latin.csv", b"date,site\n2008-02-04,K\xe9-V\n");
    let output = bench.on("a", &["log", "--file", "latin.csv"]).output().unwrap();
    insta::assert_snapshot!(err(&output), @"
    error: line 2: column 2 is not text in UTF-8
    hint: haversack help log shows how a file of contacts looks
    ");
}
