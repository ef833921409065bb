"""What the pages of the SDG database show, as plain data: no Django here, so that notebooks call it as well."""
