//! One statement.

use super::value::Value;

/// A statement, whose values are numbered: `$1` is the first.
pub(super) struct Statement {
    pub(super) text: String,
    /// Which values come in turn, where places have no numbers.
    order: Option<Vec<usize>>,
}

impl Statement {
    /// A statement for a database that knows numbered places.
    pub(super) fn numbered(text: String) -> Self {
        Self { text, order: None }
    }

    /// A statement for a database whose places are all `?`.
    pub(super) fn in_turn(text: &str) -> Self {
        let mut parts = text.split('$');
        let (mut turned, mut order) = (parts.next().unwrap_or_default().to_owned(), Vec::new());
        for part in parts {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            let number: usize = part[..digits].parse().expect("a number follows every $");
            order.push(number - 1);
            turned.push('?');
            turned.push_str(&part[digits..]);
        }
        Self { text: turned, order: Some(order) }
    }

    /// The values as the text takes them.
    pub(super) fn values<'a>(&self, values: &[Value<'a>]) -> Vec<Value<'a>> {
        match &self.order {
            None => values.to_vec(),
            Some(order) => order.iter().map(|number| values[*number]).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_in_turn_where_places_have_no_numbers() {
        let statement = Statement::in_turn("a = $2 AND b = $1 OR c = $2 + 1 AND d = $11");
        assert_eq!(statement.text, "a = ? AND b = ? OR c = ? + 1 AND d = ?");
        let values: Vec<_> = (1..=11).map(|number| Value::Int(Some(number))).collect();
        let numbers: Vec<_> = statement
            .values(&values)
            .into_iter()
            .map(|value| match value {
                Value::Int(number) => number,
                Value::Bytes(_) => None,
            })
            .collect();
        assert_eq!(numbers, [Some(2), Some(1), Some(2), Some(11)]);
    }
}
