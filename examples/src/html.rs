//! HTML in which every value is escaped, for examples with forms.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, header};

/// The headers of pages that run no script, are in no frame, and send forms to this site only.
pub const PAGE_HEADERS: [(HeaderName, &str); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Not `no-referrer`: browsers would then send `Origin: null` with the site's own forms.
    (header::REFERRER_POLICY, "same-origin"),
];

/// A piece of HTML, which is inserted as it is.
#[derive(Clone, Debug)]
pub struct Html(pub String);

/// What [`html!`](crate::html!) inserts.
pub trait Show {
    /// Returns the HTML of the value.
    fn show(&self) -> String;
}

impl Show for Html {
    fn show(&self) -> String {
        self.0.clone()
    }
}

/// Text is escaped.
impl<T: AsRef<str> + ?Sized> Show for T {
    fn show(&self) -> String {
        let escape = |letter| match letter {
            '&' | '<' | '>' | '"' | '\'' => format!("&#{};", u32::from(letter)),
            _ => letter.to_string(),
        };
        self.as_ref().chars().map(escape).collect()
    }
}

/// Formats like `format!`, and escapes the values. An attribute needs quotes around its value.
#[macro_export]
macro_rules! html {
    ($text:literal $(, $value:expr)* $(,)?) => {
        $crate::html::Html(format!($text $(, $crate::html::Show::show(&$value))*))
    };
}

impl FromIterator<Html> for Html {
    fn from_iter<I: IntoIterator<Item = Html>>(items: I) -> Self {
        Self(items.into_iter().map(|item| item.0).collect())
    }
}

/// Returns a form that is sent to `action`. Each field has a type of `<input>`, a name and a value.
#[must_use]
pub fn form(action: &str, fields: &[(&str, &str, &str)], button: &str) -> Html {
    let field = |(kind, name, value): &(&str, &str, &str)| {
        let label = if *kind == "hidden" { "" } else { name };
        let input = html!("<input type=\"{}\" name=\"{}\" value=\"{}\">", kind, name, value);
        html!("<label>{} {}</label>", label, input)
    };
    let fields: Html = fields.iter().map(field).collect();
    html!("<form method=post action=\"{}\">{}<button>{}</button></form>", action, fields, button)
}

impl IntoResponse for Html {
    fn into_response(self) -> Response {
        let start = "<!doctype html><meta charset=utf-8><title>Notes</title>";
        axum::response::Html(format!("{start}{}", self.0)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_and_html_is_not() {
        let value = r#"<script>alert("a" & 'b')</script>"#;
        let escaped = "&#60;script&#62;alert(&#34;a&#34; &#38; &#39;b&#39;)&#60;/script&#62;";
        assert_eq!(html!("<b>{}</b>", value).0, format!("<b>{escaped}</b>"));
        assert_eq!(html!("<p>{}</p>", html!("<b>{}</b>", "1 < 2")).0, "<p><b>1 &#60; 2</b></p>");
        let form = form("/a?b=\"", &[("text", "name", "\">")], "<go>").0;
        assert!(form.contains("value=\"&#34;&#62;\"") && form.contains("action=\"/a?b=&#34;\""));
        assert!(!form.contains("<go>"));
    }
}
